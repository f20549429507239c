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

    def test_labels_agree_one_by_one(self):
        # Of two times three signs, four agree; a tie of the student's counts.
        actual = measured(
            metrics.TeacherAgreement(multi_label=True),
            [[2.0, -1.0, 3.0], [-2.0, 1.0, -1.0]],
            [[0.1, 2.0, 9.0], [-0.1, 0.0, 5.0]],
        )
        np.testing.assert_allclose(actual, 4 / 6, rtol=1e-6)

    def test_labels_are_weighted_with_their_example(self):
        actual = measured(
            metrics.TeacherAgreement(multi_label=True),
            [[2.0, -1.0], [-2.0, 1.0]],
            [[1.0, 1.0], [-1.0, 1.0]],
            sample_weight=[3.0, 1.0],
        )
        # Half of the first, all of the second: (3 / 2 + 1) / 4.
        np.testing.assert_allclose(actual, 0.625, rtol=1e-6)

    def test_nan_agrees_with_no_label(self):
        nan = np.full_like(STUDENT, np.nan)
        for pair in ((TEACHER, nan), (nan, STUDENT)):
            metric = metrics.TeacherAgreement(multi_label=True)
            self.assertEqual(measured(metric, *pair), 0.0)

    def test_refuses_several_choices_of_labels(self):
        with self.assertRaisesRegex(ValueError, "`k` must be 1.*k=2"):
            metrics.TeacherAgreement(2, multi_label=True)
        undecided = metrics.TeacherAgreement(2)
        with self.assertRaisesRegex(ValueError, "`k` must be 1.*k=2"):
            undecided.decide(True)

    @parameterized.parameters(None, True, False)
    def test_saves_what_was_said_and_not_what_was_decided(self, given):
        metric = metrics.TeacherAgreement(multi_label=given)
        metric.decide(True)
        config = metric.get_config()
        self.assertEqual(config["multi_label"], given)
        loaded = metrics.TeacherAgreement.from_config(config)
        self.assertEqual(loaded.is_multi_label, given is True)

    def test_loads_a_config_from_before_there_were_labels(self):
        config = metrics.TeacherAgreement().get_config()
        config.pop("multi_label")
        loaded = metrics.TeacherAgreement.from_config(config)
        self.assertFalse(loaded.is_multi_label)

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

    @parameterized.parameters(1.0, 3.0)
    def test_of_labels_it_is_the_mean_over_them(self, temperature):
        metric = metrics.TeacherDivergence(temperature, multi_label=True)
        expected = reference.binary_soft_targets(TEACHER, STUDENT, temperature)
        np.testing.assert_allclose(
            measured(metric, TEACHER, STUDENT),
            expected.mean() / temperature**2,
            rtol=1e-5,
        )

    @parameterized.parameters(0.0, -1.0, math.nan, math.inf)
    def test_refuses_temperature(self, temperature):
        with self.assertRaisesRegex(
            ValueError, f"from 0.001.*Received: temperature={temperature}"
        ):
            metrics.TeacherDivergence(temperature)


if __name__ == "__main__":
    absltest.main()
