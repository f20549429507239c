"""Every wrong use is answered by a rule, what was received and a remedy."""

import re
from unittest import mock

import keras
from absl.testing import absltest
from absl.testing import parameterized

from tests import support
from tests.conformance import misuse_rows_losses

ROOMS = {
    "losses": misuse_rows_losses.rows,
}


class Trained(AssertionError):
    """A wrong use has come as far as a step of the optimizer."""


def refused(row):
    """What the message of a row must match."""
    return re.compile(
        rf"`{re.escape(row.argument)}\b.*(Received|compares).*"
        + re.escape(row.received),
        re.DOTALL,
    )


class EveryMisuseTest(parameterized.TestCase):
    @parameterized.named_parameters((room, room) for room in ROOMS)
    def test_is_refused_before_anything_is_trained(self, room):
        with mock.patch.object(
            keras.optimizers.Optimizer, "apply", side_effect=Trained
        ):
            for row in ROOMS[room]():
                with (
                    self.subTest(row.name),
                    self.assertRaisesRegex(
                        (TypeError, ValueError), refused(row)
                    ),
                ):
                    row.call()

    @parameterized.named_parameters((room, room) for room in ROOMS)
    def test_what_the_message_proposes_works(self, room):
        for row in ROOMS[room]():
            if row.remedy is not None:
                with self.subTest(row.name), support.eagerly():
                    row.remedy()


if __name__ == "__main__":
    absltest.main()
