"""Errors on scores that cannot be compared: what differs, and the way out."""

import re

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd import losses
from keras_kd import metrics
from tests import support

LOSSES = (
    losses.BinarySoftTargets,
    losses.LogitRegression,
    losses.ProbabilityRegression,
    losses.SoftTargets,
)


def refused(test, loss, teacher, student, message):
    with test.assertRaisesRegex(ValueError, message) as caught:
        loss(np.ones((2, *teacher)), np.ones((2, *student)))
    return str(caught.exception)


class ShapesTest(parameterized.TestCase):
    @parameterized.parameters(*LOSSES)
    def test_says_what_differs(self, kind):
        for teacher, student, what in (
            ((3,), (4,), r"the same classes.*\(2, 3\).*\(2, 4\).*`Hint`"),
            ((6, 3), (6, 4), "the same classes.*`Hint`"),
            ((6, 3), (2, 3), "one length.*as many steps"),
            ((8, 8, 3), (4, 4, 3), "one resolution"),
            ((8, 8, 8, 3), (4, 8, 8, 3), "one resolution"),
            ((6, 3), (3,), "the same positions"),
        ):
            with self.subTest(what):
                refused(self, kind(), teacher, student, what)

    def test_a_metric_says_it_too(self):
        metric = metrics.TeacherAgreement()
        with self.assertRaisesRegex(ValueError, "one resolution"):
            metric.update_state(np.ones((2, 8, 8, 3)), np.ones((2, 4, 4, 3)))

    def remedied(self, message, student):
        """The student with the layer behind it that a message names."""
        name, arguments = re.search(
            r"`keras\.layers\.(\w+)\(([\d, ]+)\)`", message
        ).groups()
        layer = getattr(layers, name)(*map(int, arguments.split(",")))
        return keras.Model(student.inputs[0], layer(student.outputs[0]))

    @parameterized.parameters(
        ((6, 3), (3, 3)), ((3, 3), (6, 3)), ((8, 6, 3), (4, 4, 3))
    )
    def test_the_layer_that_is_named_helps(self, teacher, student):
        message = refused(self, losses.SoftTargets(), teacher, student, "same")
        end = layers.Dense if len(teacher) == 2 else layers.Conv2D
        size = {"kernel_size": 1} if len(teacher) == 3 else {}
        models = [
            keras.Sequential([keras.Input(shape), end(3, **size)])
            for shape in (teacher, student)
        ]
        # Without data: that the Distiller can be made is what was refused.
        support.distiller(
            teacher=models[0], student=self.remedied(message, models[1])
        )

    def test_lengths_without_a_common_factor_have_no_layer(self):
        message = refused(self, losses.SoftTargets(), (6, 3), (4, 3), "steps")
        self.assertNotIn("keras.layers", message)

    @support.eagerly()
    def test_one_unit_and_two_classes_are_the_same(self):
        refused(self, losses.SoftTargets(), (1,), (2,), "`keras.ops.concat")
        one = support.dense(4, classes=1)
        z = one.outputs[0]
        # As the message says.
        two = keras.Model(
            one.inputs[0],
            keras.ops.concatenate([keras.ops.zeros_like(z), z], axis=-1),
        )
        distiller = support.distiller(teacher=two, student=support.dense(4, 2))
        distiller.compile("sgd")
        x, _ = support.data()
        # The probabilities of class 1 are those of the sigmoid.
        np.testing.assert_allclose(
            keras.ops.softmax(two(x))[:, 1],
            keras.ops.sigmoid(one(x))[:, 0],
            rtol=1e-5,
        )
        self.assertGreater(support.evaluated(distiller, x)["soft_targets"], 0)

    @support.eagerly()
    def test_a_regression_is_distilled_by_match(self):
        models = {
            "teacher": support.dense(4, classes=1),
            "student": support.dense(2, classes=1),
        }
        for kind in (losses.SoftTargets, losses.ProbabilityRegression):
            with self.assertRaisesRegex(
                ValueError,
                "two classes.*sigmoid.*`BinarySoftTargets`.*a regression.*"
                r'`Match\(loss="mean_squared_error"\)`',
            ):
                support.distiller(kind(), **models)
        x, _ = support.data()
        distiller = support.distiller(
            losses.Match(loss="mean_squared_error"), **models
        )
        distiller.compile("sgd", loss="mse")
        teacher, student = (np.asarray(m(x)) for m in models.values())
        self.assertAlmostEqual(
            support.evaluated(distiller, x, np.zeros(len(x)))["match"],
            float(np.mean((teacher - student) ** 2)),
            places=5,
        )


if __name__ == "__main__":
    absltest.main()
