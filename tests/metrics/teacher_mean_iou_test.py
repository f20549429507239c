"""Overlap of the classes of teacher and student."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import metrics
from tests import reference
from tests import small_targets
from tests import support

RANDOM = np.random.default_rng(0)
TEACHER = RANDOM.normal(size=(4, 5, 6, 3)).astype("float32")
STUDENT = TEACHER + RANDOM.normal(size=TEACHER.shape).astype("float32")


def measured(*arguments, classes=3, **options):
    metric = metrics.TeacherMeanIoU(classes)
    metric.update_state(*arguments, **options)
    return float(metric.result())


def overlap(teacher, student, weights=None):
    """The mean over the classes that either gives, by sets of positions."""
    theirs, ours = teacher.argmax(-1), student.argmax(-1)
    weights = np.ones(ours.shape) if weights is None else weights
    found = []
    for number in range(teacher.shape[-1]):
        first, second = theirs == number, ours == number
        union = weights[first | second].sum()
        if union:
            found.append(weights[first & second].sum() / union)
    return np.mean(found)


class TeacherMeanIoUTest(parameterized.TestCase):
    def test_is_that_of_keras_against_the_choices_of_the_teacher(self):
        of_labels = keras.metrics.MeanIoU(3, sparse_y_pred=False)
        of_labels.update_state(TEACHER.argmax(-1), STUDENT)
        expected = float(of_labels.result())
        np.testing.assert_allclose(overlap(TEACHER, STUDENT), expected)
        np.testing.assert_allclose(
            measured(TEACHER, STUDENT), expected, rtol=1e-6
        )

    def test_is_one_where_all_agree_on_some_of_the_classes(self):
        few = TEACHER - [0, 99, 0]
        self.assertEqual(measured(few, 2 * few), 1.0)

    def test_batches_are_one_picture(self):
        # Class 0 meets at 1 of 3 places, class 1 at 1 of 3: 1/3, while the
        # means of the batches are (1/2 + 0) / 2 and (0 + 1/2) / 2.
        first, second = np.eye(2)[[[0, 0]]], np.eye(2)[[[0, 1]]]
        metric = metrics.TeacherMeanIoU(2)
        metric.update_state(first, second)
        metric.update_state(1 - first, second)
        self.assertAlmostEqual(float(metric.result()), 1 / 3, places=6)

    def test_weights_and_masks_of_positions_count(self):
        weights = RANDOM.random((4, 5, 6))
        mask = RANDOM.random((4, 5, 6)) < 0.5
        np.testing.assert_allclose(
            measured(TEACHER, STUDENT, sample_weight=weights, masks=[mask]),
            overlap(TEACHER, STUDENT, weights * mask),
            rtol=1e-5,
        )

    def test_one_unit_is_two_classes(self):
        teacher, student = TEACHER[..., :1], STUDENT[..., :1]
        both = [
            np.concatenate([0 * one, one], axis=-1)
            for one in (teacher, student)
        ]
        np.testing.assert_allclose(
            measured(teacher, student, classes=2), overlap(*both), rtol=1e-6
        )

    @support.eagerly()
    def test_void_positions_of_a_distiller_leave(self):
        x = RANDOM.normal(size=(6, 5, 4)).astype("float32")
        y = RANDOM.integers(0, 3, (6, 5))
        y[RANDOM.random(y.shape) < 0.4] = 9
        distiller = small_targets.make(
            support.cross_entropy(ignore_class=9),
            [
                metrics.TeacherMeanIoU(3),
                # In whole numbers, Keras asks JAX for 64 bits.
                keras.metrics.MeanIoU(
                    3, name="iou", dtype="float32", sparse_y_pred=False
                ),
            ],
            shape=(5, 4),
        )
        logs = support.evaluated(distiller, x, y)
        teacher, student = (
            reference.float64(model.predict(x, verbose=0))
            for model in (distiller.teacher, distiller.student)
        )
        valid = (y != 9).astype(float)
        self.assertAlmostEqual(
            logs["teacher_mean_iou"], overlap(teacher, student, valid), places=5
        )
        labels = np.eye(3)[np.where(y == 9, 0, y)]
        self.assertAlmostEqual(
            logs["iou"], overlap(labels, student, valid), places=5
        )

    @support.eagerly()
    def test_another_resolution_is_interpolated(self):
        half = reference.float64(STUDENT)[:, ::2, ::2]
        metric = metrics.TeacherMeanIoU(3, resize="student")
        metric.update_state(TEACHER, half)
        expected = metrics.TeacherMeanIoU(3)
        resized = keras.ops.image.resize(
            half, (5, 6), "bilinear", data_format="channels_last"
        )
        expected.update_state(TEACHER, np.asarray(resized))
        np.testing.assert_allclose(
            float(metric.result()), float(expected.result()), rtol=1e-5
        )


if __name__ == "__main__":
    absltest.main()
