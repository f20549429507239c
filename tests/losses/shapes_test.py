"""Errors on scores that cannot be compared: what differs, and the way out."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

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
            ((6, 3), (2, 3), 'one length.*`resize="student"`'),
            ((8, 8, 3), (4, 4, 3), "one resolution.*`resize="),
            ((8, 8, 8, 3), (4, 8, 8, 3), "one resolution.*`resize="),
            ((6, 3), (3,), "the same positions"),
        ):
            with self.subTest(what):
                refused(self, kind(), teacher, student, what)

    @parameterized.parameters("student", "teacher")
    def test_what_is_named_helps(self, side):
        tensors = np.ones((2, 6, 5, 3)), np.ones((2, 3, 4, 3))
        for make in LOSSES:
            value = make(resize=side)(*tensors)
            size = (6, 5) if side == "student" else (3, 4)
            self.assertEqual(tuple(value.shape), (2, *size))
        metric = metrics.TeacherAgreement()
        with self.assertRaisesRegex(ValueError, "one resolution.*`resize="):
            metric.update_state(*tensors)
        metric = metrics.TeacherAgreement(resize=side)
        metric.update_state(*tensors)
        self.assertEqual(float(metric.result()), 1.0)

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
