import contextlib
import io
import re
from unittest import mock

import pytest
from absl.testing import absltest
from absl.testing import parameterized

from benchmarks import measure
from benchmarks import method_cost
from keras_kd import losses
from tests import support
from tests.backend import processes

# Sigmoid outputs, labels that are numbers, no formula, two passes of the
# models, a formula of Keras's, sequences.
LEFT_OUT = {
    "BinarySoftTargets",
    "BoundedRegression",
    "ChunkedSoftTargets",
    "DistillationLoss",
    "InputGradientSymmetry",
    "InputGradientTransfer",
    "Match",
    "SelfAttentionRelations",
}


class TableTest(absltest.TestCase):
    def test_every_loss_is_compared(self):
        compared = {name.split(",")[0] for name in method_cost.rows()}
        self.assertEqual(compared | LEFT_OUT, set(losses.__all__))
        self.assertEmpty(compared & LEFT_OUT)

    def test_ratios_are_formed_within_a_round(self):
        # Ratios of 1, 1.5 and 1.3: a median of 1.3 and quartiles between.
        seconds = {
            "ours": {"cpu": [0.1, 0.3, 0.26]},
            "plain": {"cpu": [0.1, 0.2, 0.2]},
        }
        with (
            mock.patch.object(method_cost, "make_steps"),
            mock.patch.object(measure, "interleave", return_value=seconds),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            *_, row = method_cost.compare(["Hint"], 3, 1)
        self.assertEqual(
            row, "| `Hint` | 200.0 | 1.30 | 1.15 to 1.40 | above 1.1 |"
        )

    def test_rejects_what_is_no_loss(self):
        with (
            contextlib.redirect_stderr(io.StringIO()) as error,
            self.assertRaises(SystemExit),
        ):
            method_cost.main(["--losses", "Hnt"])
        self.assertIn("Received: ['Hnt']", error.getvalue())


@pytest.mark.slow
class StepsTest(parameterized.TestCase):
    @parameterized.parameters(*method_cost.rows())
    def test_both_steps_have_one_loss(self, name):
        # It raises where they differ.
        with support.eagerly():
            method_cost.make_steps(name, size=32, depths=(3, 3))


@pytest.mark.slow
class MemoryTest(absltest.TestCase):
    def test_grows_with_the_square_of_the_batch_at_most(self):
        processes.require(self, "jax")
        printed = processes.run_well(
            "jax", "-m", "benchmarks.method_cost", "--memory"
        )
        found = re.findall(r"`(\w+)` \| ([\d.]+) \| ([\d.]+) \|", printed)
        self.assertIn("RelationalAngle", [name for name, *_ in found])
        few, many = method_cost.EXAMPLES
        for name, first, second in found:
            self.assertLess(float(second), 4.5 * float(first), name)
            # A number for each triple.
            self.assertLess(float(second), many**3 * 4 / 2**20 / 4, name)


if __name__ == "__main__":
    absltest.main()
