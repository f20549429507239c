import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from tests import reference
from tests import support

RANDOM = np.random.default_rng(0)
LABELS, TEACHER, STUDENT = RANDOM.normal(size=(3, 40, 2)).astype("float32")


class BoundedRegressionTest(parameterized.TestCase):
    @parameterized.parameters(0.0, 0.5)
    def test_equals_the_formula(self, margin):
        loss = losses.BoundedRegression(margin)
        values = loss(TEACHER, STUDENT, labels=LABELS)
        expected = reference.bounded_regression(
            *(reference.float64(a) for a in (TEACHER, STUDENT, LABELS)), margin
        )
        np.testing.assert_allclose(values, expected, rtol=1e-5)
        self.assertBetween(np.count_nonzero(expected), 10, 30)

    def test_a_student_as_good_as_its_teacher_is_left_alone(self):
        """Both are 1 off, on either side."""
        loss = losses.BoundedRegression()
        (value,) = loss(
            np.array([[1.0]]), np.array([[-1.0]]), labels=np.array([0.0])
        )
        self.assertEqual(float(value), 0.0)

    def test_each_position_is_bounded_by_itself(self):
        loss = losses.BoundedRegression()
        teacher, student = np.zeros((1, 2, 1)), np.array([[[2.0], [0.5]]])
        labels = np.array([[[0.0], [1.0]]])
        values = loss(teacher, student, labels=labels)
        np.testing.assert_array_equal(values, [[4.0, 0.0]])

    @support.eagerly()
    def test_examples_without_a_label_count_nothing(self):
        x = RANDOM.normal(size=(8, 4)).astype("float32")
        y = RANDOM.normal(size=8).astype("float32")
        missing = np.where(np.arange(8) < 4, np.nan, y)
        teacher, student = (
            support.dense(3, classes=1),
            support.dense(2, classes=1),
        )
        distiller = keras_kd.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=losses.BoundedRegression(),
        )
        distiller.compile(keras.optimizers.SGD(0.0), loss="mse")
        found = distiller.evaluate(
            x, missing, verbose=0, return_dict=True, batch_size=8
        )
        expected = reference.bounded_regression(
            *(np.float64(a(x)) for a in (teacher, student)), y[:, None]
        )
        # As in the loss on the labels, the mean is over those that count.
        self.assertAlmostEqual(
            found["bounded_regression"], expected[4:].mean(), 5
        )


if __name__ == "__main__":
    absltest.main()
