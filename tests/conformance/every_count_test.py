"""Every public integer argument refuses what is no number that it can use."""

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests.conformance import count_rows
from tests.conformance import procedure_rows


def name_of(row):
    call = row.call
    while hasattr(call, "func"):
        call = call.func
    return f"{call.__qualname__}({row.argument}=)"


class EveryCountTest(absltest.TestCase):
    def test_is_refused_below_the_least(self):
        self.assert_refused(lambda row: [row.least - 1])

    @pytest.mark.slow
    def test_is_refused_unless_it_is_an_integer(self):
        self.assert_refused(
            lambda row: (
                [-1, row.least + 0.5, True, "3"]
                + ([] if row.is_optional else [None])
            )
        )

    def assert_refused(self, wrong):
        for row in count_rows.all_rows():
            for value in wrong(row):
                with self.subTest(f"{name_of(row)} {value!r}"):
                    # Of one kind, wherever it is: with rule and what came.
                    with self.assertRaisesRegex(
                        ValueError,
                        rf"(?s)`{row.argument}` must .*Received: .*"
                        rf"{row.argument}={value!r}",
                    ):
                        row.call(**{row.argument: value})


EMPTY = np.zeros((0, 4), "float32")
NO_LABELS = np.zeros(0, "int64")
NOTHING = {
    "born_again": {"data": (EMPTY, NO_LABELS)},
    "compress": {"x": EMPTY},
    "data_distillation": {"unlabelled": EMPTY},
    "defensive_distillation": {"data": (EMPTY, NO_LABELS)},
    "fitnets": {"data": (EMPTY, NO_LABELS)},
    "on_policy_distillation": {"prompts": []},
    "reuse_classifier": {"data": (EMPTY, NO_LABELS)},
    "sequence_distillation": {"prompts": []},
    "specialists": {"data": (EMPTY, NO_LABELS)},
    "supervision_transfer": {
        "pairs": {"teacher": EMPTY, "student": EMPTY[:, :3]}
    },
    "teacher_assistants": {"data": (EMPTY, NO_LABELS)},
}


class NoExamplesTest(parameterized.TestCase):
    @parameterized.named_parameters(
        row for row in procedure_rows.NAMED_ROWS if row[0] in NOTHING
    )
    def test_a_procedure_refuses_data_of_nothing(self, row):
        ((argument, data),) = NOTHING[row.name].items()
        with self.assertRaisesRegex(
            ValueError, f"`{argument}` must have at least one example"
        ):
            row.run(row.make_teacher(), **{argument: data})


if __name__ == "__main__":
    absltest.main()
