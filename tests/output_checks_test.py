"""Outputs that a Distiller refuses: unnamed ones, and probabilities."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd import losses
from tests import support
from tests.refusals import RefusalTest
from tests.refusals import make


class OutputTest(RefusalTest):
    @parameterized.parameters("teacher", "student")
    def test_several_outputs_without_a_tap(self, role):
        self.refuse(
            f'`{role}_tap` must be given, since the {role} "two" has several',
            f"{role}_tap=None in `SoftTargets`. .* color, shape",
            **{role: support.two_headed(4, "two", color=3, shape=3)},
        )

    @parameterized.product(
        role=("teacher", "student"),
        activation=("softmax", "sigmoid"),
        loss=(
            losses.SoftTargets,
            losses.BinarySoftTargets,
            losses.LogitRegression,
        ),
    )
    def test_probabilities_where_logits_are_needed(
        self, role, activation, loss
    ):
        remedy = {"teacher": r"teachers\.logits", "student": "from_logits=True"}
        self.refuse(
            f"`{loss.__name__}` must compare logits",
            f'the {role} "proud", which gives probabilities.*{remedy[role]}',
            distillation_losses=loss(),
            **{role: support.dense(4, name="proud", activation=activation)},
        )

    def test_probabilities_at_one_of_several_outputs(self):
        x = keras.Input((4,))
        heads = {
            "scores": layers.Dense(3)(x),
            "shares": layers.Dense(3, activation="softmax")(x),
        }
        teacher = keras.Model(x, heads, name="two")
        make(
            teacher=teacher,
            distillation_losses=losses.SoftTargets(teacher_tap="scores"),
        )
        self.refuse(
            "must compare logits",
            "the teacher \"two\", which gives probabilities at 'shares'",
            teacher=teacher,
            distillation_losses=losses.SoftTargets(teacher_tap="shares"),
        )

    def test_probabilities_inside_a_model(self):
        student = keras.Sequential(
            [keras.Input((4,)), layers.Dense(3, "softmax", name="gate")],
            name="gated",
        )
        student.add(layers.Dense(3))
        self.refuse(
            "must compare logits",
            "the student \"gated\", which gives probabilities at 'gate'. Tap",
            student=student,
            distillation_losses=losses.SoftTargets(student_tap="gate"),
        )

    def test_probabilities_may_be_compared_by_other_losses(self):
        teacher = support.dense(8, activation="softmax")
        student = support.dense(4, activation="softmax")
        make(
            teacher=teacher,
            student=student,
            distillation_losses=losses.Match("mse"),
        )

    def test_is_refused_before_anything_is_changed(self):
        teacher, student = support.dense(8), support.dense(4)
        before = support.values([*teacher.variables, *student.variables])
        with self.assertRaisesRegex(ValueError, "student_loss_weight"):
            make(teacher=teacher, student=student, student_loss_weight=-1)
        make(teacher=teacher, student=student)
        after = support.values([*teacher.variables, *student.variables])
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old, new)


if __name__ == "__main__":
    absltest.main()
