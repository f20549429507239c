import math

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import metrics
from tests import reference
from tests import support

RANDOM = np.random.default_rng(0)
TEACHER = RANDOM.normal(size=(60, 7), scale=2).astype("float32")
STUDENT = TEACHER + RANDOM.normal(size=(60, 7)).astype("float32")
LABELS = RANDOM.integers(0, 7, size=60)
PROBABILITIES = reference.softmax(STUDENT).astype("float32")


def measured(metric, *arguments, **options):
    metric.update_state(*arguments, **options)
    return float(metric.result())


class TeacherMetricTest(absltest.TestCase):
    def test_a_subclass_gives_the_values(self):
        class Distance(metrics.TeacherMetric):
            def compare(self, teacher, student):
                return keras.ops.sum(keras.ops.abs(teacher - student), axis=-1)

        # (1 + 2) and 0, of which the mean is 3 / 2.
        actual = measured(
            Distance("distance"), [[1, 2], [3, 4]], [[0, 0], [3, 4]]
        )
        self.assertEqual(actual, 1.5)

    def test_a_distiller_feeds_teacher_and_student(self):
        distiller = support.distiller()
        distiller.compile(
            metrics=[metrics.TeacherAgreement(), metrics.TeacherDivergence()]
        )
        x, _ = support.data()
        logs = distiller.evaluate(x, return_dict=True, verbose=0)
        teacher = distiller.teacher.predict(x, verbose=0)
        student = distiller.student.predict(x, verbose=0)
        self.assertAlmostEqual(
            logs["teacher_agreement"],
            reference.top_k_agreement(teacher, student, 1),
        )
        self.assertAlmostEqual(
            logs["teacher_divergence"],
            reference.kl_divergence(teacher, student).mean(),
            places=5,
        )

    def test_the_output_is_saved(self):
        metric = metrics.TeacherAgreement(output="digit")
        self.assertEqual(metric.output, "digit")
        self.assertEqual(
            metrics.TeacherAgreement.from_config(metric.get_config()).output,
            "digit",
        )

    def test_refuses_other_classes(self):
        with self.assertRaisesRegex(
            ValueError, r"same classes.*\(60, 6\).*\(60, 7\)"
        ):
            metrics.TeacherAgreement().update_state(TEACHER[:, :6], STUDENT)

    def test_must_be_implemented(self):
        with self.assertRaisesRegex(NotImplementedError, "compare"):
            metrics.TeacherMetric("mine").update_state(TEACHER, STUDENT)


class TeacherAgreementTest(parameterized.TestCase):
    @parameterized.parameters(1, 2, 3, 7)
    def test_equals_the_reference(self, k):
        np.testing.assert_allclose(
            measured(metrics.TeacherAgreement(k), TEACHER, STUDENT),
            reference.top_k_agreement(TEACHER, STUDENT, k),
            rtol=1e-6,
        )

    def test_ties_count_as_in_the_reference(self):
        # Many ties: only the numbers 0, 1 and 2.
        teacher, student = RANDOM.integers(0, 3, size=(2, 200, 5))
        for k in (1, 2, 4):
            np.testing.assert_allclose(
                measured(metrics.TeacherAgreement(k), teacher, student),
                reference.top_k_agreement(teacher, student, k),
                rtol=1e-6,
            )

    def test_by_hand(self):
        # Choices 0, 2, 1. The student ranks them first, third, second.
        teacher = [[9, 0, 0], [0, 0, 9], [0, 9, 0]]
        student = [[3, 2, 1], [3, 2, 1], [3, 2, 1]]
        for k, expected in ((1, 1 / 3), (2, 2 / 3), (3, 1.0)):
            np.testing.assert_allclose(
                measured(metrics.TeacherAgreement(k), teacher, student),
                expected,
                rtol=1e-6,
            )

    def test_one_unit_agrees_by_sign(self):
        # Signs agree in the first, differ in the second, and a student at 0
        # is tied, which counts in favour.
        actual = measured(
            metrics.TeacherAgreement(),
            [[2.0], [2.0], [-1.0]],
            [[0.1], [-3], [0]],
        )
        np.testing.assert_allclose(actual, 2 / 3, rtol=1e-6)

    def test_nan_does_not_agree(self):
        student = np.full_like(STUDENT, np.nan)
        self.assertEqual(
            measured(metrics.TeacherAgreement(3), TEACHER, student), 0.0
        )

    @parameterized.parameters(
        (1, "teacher_agreement"), (5, "top_5_teacher_agreement")
    )
    def test_name_tells_k(self, k, name):
        self.assertEqual(metrics.TeacherAgreement(k).name, name)

    @parameterized.parameters(0, -1, 1.5, True, "1")
    def test_refuses_k(self, k):
        with self.assertRaisesRegex(ValueError, rf"at least 1.*k={k!r}"):
            metrics.TeacherAgreement(k)

    def test_refuses_more_choices_than_classes(self):
        with self.assertRaisesRegex(ValueError, "at most.*k=8 for 7 classes"):
            metrics.TeacherAgreement(8).update_state(TEACHER, STUDENT)


class TeacherDivergenceTest(parameterized.TestCase):
    @parameterized.parameters(0.5, 1.0, 20.0)
    def test_equals_the_reference(self, temperature):
        expected = reference.soft_targets(TEACHER, STUDENT, temperature).mean()
        np.testing.assert_allclose(
            measured(metrics.TeacherDivergence(temperature), TEACHER, STUDENT),
            expected / temperature**2,
            rtol=1e-5,
        )

    def test_by_hand(self):
        # p = (3/4, 1/4) and q = (1/2, 1/2).
        np.testing.assert_allclose(
            measured(
                metrics.TeacherDivergence(), [[math.log(3), 0.0]], [[0.0, 0.0]]
            ),
            0.75 * math.log(1.5) + 0.25 * math.log(0.5),
            rtol=1e-5,
        )

    def test_one_unit_is_a_choice_of_two(self):
        teacher, student = TEACHER[:, :1], STUDENT[:, :1]
        zero = np.zeros_like(teacher)
        expected = reference.kl_divergence(
            np.concatenate([teacher, zero], axis=-1),
            np.concatenate([student, zero], axis=-1),
        ).mean()
        np.testing.assert_allclose(
            measured(metrics.TeacherDivergence(), teacher, student),
            expected,
            rtol=1e-5,
        )

    @parameterized.parameters(0.0, -1.0, math.nan, math.inf)
    def test_refuses_temperature(self, temperature):
        with self.assertRaisesRegex(
            ValueError, f"from 0.001.*Received: temperature={temperature}"
        ):
            metrics.TeacherDivergence(temperature)


class ExpectedCalibrationErrorTest(parameterized.TestCase):
    @parameterized.parameters(1, 10, 15)
    def test_equals_the_reference(self, num_bins):
        metric = metrics.ExpectedCalibrationError(num_bins)
        np.testing.assert_allclose(
            measured(metric, LABELS, PROBABILITIES),
            reference.expected_calibration_error(
                LABELS, PROBABILITIES, num_bins
            ),
            rtol=1e-5,
        )

    @parameterized.parameters("float32", "float64")
    def test_confidences_at_the_edges_fall_where_the_reference_puts_them(
        self, dtype
    ):
        # Next to, at and beyond each edge, one example at a time.
        edges = (np.arange(8, 16) / 15).astype(dtype)
        one = edges.dtype.type(1)
        near = np.stack(
            [np.nextafter(edges, 0 * one), edges, np.nextafter(edges, one)]
        )
        for confidence in near.ravel():
            scores = np.array([[confidence, one - confidence]])
            metric = metrics.ExpectedCalibrationError()
            metric.update_state([0], scores)
            place = int(np.argmax(metric.sums.numpy()[:, 0]))
            exact = np.arange(16) / 15
            expected = np.searchsorted(exact, np.float64(confidence)) - 1
            self.assertEqual(place, expected, confidence)

    def test_by_hand(self):
        # Two bins. Lower: confidences .4 and .4, both wrong, gap .8. Upper:
        # .6 right, .9 wrong, gap |1 - 1.5| = .5. Together 1.3 / 4.
        scores = [
            [0.4, 0.3, 0.3],
            [0.4, 0.3, 0.3],
            [0.6, 0.4, 0],
            [0.9, 0.1, 0],
        ]
        np.testing.assert_allclose(
            measured(metrics.ExpectedCalibrationError(2), [1, 1, 0, 1], scores),
            1.3 / 4,
            rtol=1e-6,
        )

    def test_logits_give_what_their_probabilities_give(self):
        np.testing.assert_allclose(
            measured(
                metrics.ExpectedCalibrationError(from_logits=True),
                LABELS,
                STUDENT,
            ),
            reference.expected_calibration_error(
                LABELS, reference.softmax(STUDENT)
            ),
            rtol=1e-5,
        )

    @parameterized.named_parameters(
        ("one_hot", np.eye(7)[LABELS]),
        ("column", LABELS[:, np.newaxis]),
        ("float", LABELS.astype("float32")),
    )
    def test_takes_labels(self, labels):
        self.assertEqual(
            measured(metrics.ExpectedCalibrationError(), labels, PROBABILITIES),
            measured(metrics.ExpectedCalibrationError(), LABELS, PROBABILITIES),
        )

    @parameterized.parameters(False, True)
    def test_one_unit_scores_the_second_of_two_classes(self, from_logits):
        logits = STUDENT[:, :1]
        yes = reference.sigmoid(logits)
        scores = logits if from_logits else yes.astype("float32")
        np.testing.assert_allclose(
            measured(
                metrics.ExpectedCalibrationError(from_logits=from_logits),
                LABELS[:, np.newaxis] % 2,
                scores,
            ),
            reference.expected_calibration_error(
                LABELS % 2, np.concatenate([1 - yes, yes], axis=-1)
            ),
            rtol=1e-5,
        )

    def test_works_in_compile(self):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((7,)), keras.layers.Softmax()])
        model.compile(
            loss="sparse_categorical_crossentropy",
            metrics=[metrics.ExpectedCalibrationError()],
        )
        logs = model.evaluate(STUDENT, LABELS, return_dict=True, verbose=0)
        np.testing.assert_allclose(
            logs["expected_calibration_error"],
            reference.expected_calibration_error(LABELS, PROBABILITIES),
            rtol=1e-5,
        )

    @parameterized.parameters(0, -5, 1.5, True)
    def test_refuses_num_bins(self, num_bins):
        with self.assertRaisesRegex(
            ValueError, rf"at least 1.*num_bins={num_bins!r}"
        ):
            metrics.ExpectedCalibrationError(num_bins)

    def test_refuses_labels_of_another_shape(self):
        with self.assertRaisesRegex(
            ValueError, r"each row.*shape \(60, 3\).*shape \(60, 7\)"
        ):
            metrics.ExpectedCalibrationError().update_state(
                np.zeros((60, 3)), PROBABILITIES
            )


if __name__ == "__main__":
    absltest.main()
