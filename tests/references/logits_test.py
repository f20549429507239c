"""Numbers by hand and identities of the references of logits and labels."""

import math

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from tests import reference
from tests.references import logits
from tests.references import rows

# Probabilities 1/2 1/4 1/4 and 1/4 1/4 1/2. Of class 0: 1/2 against 1/4. Of
# the others: 1/2 1/2 against 1/3 2/3.
TEACHER = np.log([[2.0, 1.0, 1.0]])
STUDENT = np.log([[1.0, 1.0, 2.0]])
TARGET = math.log(4 / 3) / 2  # 1/2 ln 2 + 1/2 ln(2/3).
NON_TARGET = math.log(9 / 8) / 2  # 1/2 ln(3/2) + 1/2 ln(3/4).


def example(seed=0, batch=6, classes=5):
    """Random logits of both, and labels that the teacher knows half."""
    teacher, student = np.random.default_rng(seed).normal(
        size=(2, batch, classes)
    )
    labels = teacher.argmax(axis=-1)
    labels[::2] = teacher.argmin(axis=-1)[::2]
    return teacher, student, labels


class RowsTest(absltest.TestCase):
    def test_mean_is_by_the_weights(self):
        # (3 1 + 1 5) / 4, not / 3.
        actual = rows.mean(np.array([1.0, 9.0, 5.0]), [3, 0, 1])
        self.assertAlmostEqual(actual, 2)

    def test_huber_meets_itself_at_1(self):
        np.testing.assert_allclose(
            rows.huber(np.array([-0.5, 1.0, -3.0])), [0.125, 0.5, 2.5]
        )


class StandardisationTest(absltest.TestCase):
    def test_deviation_is_that_of_a_sample(self):
        # Of 0 and 2 it is the root of 2; that by all classes is 1.
        root = 1 / math.sqrt(2)
        np.testing.assert_allclose(
            logits.standardised([0.0, 2.0]), [-root, root], rtol=1e-6
        )

    def test_epsilon_is_added_to_the_deviation(self):
        # Deviation sqrt(2) 1e-7, so 1 / (1 + sqrt(2)); 0 / epsilon is 0.
        limit = 1 / (1 + math.sqrt(2))
        np.testing.assert_allclose(
            logits.standardised([[0.0, 2e-7], [5.0, 5.0]]),
            [[-limit, limit], [0, 0]],
        )

    def test_shift_and_scale_do_not_matter(self):
        teacher, student, _ = example()
        np.testing.assert_allclose(
            logits.standardised_soft_targets(teacher, 3 * student + 2, 2.0),
            logits.standardised_soft_targets(5 * teacher - 1, student, 2.0),
            rtol=1e-5,
        )

    def test_opposite_pairs_by_hand(self):
        # Standardised logits differ by sqrt(2), so with x = sqrt(2) / T the
        # divergence is (2 sigmoid(x) - 1) x, and T^2 of it:
        expected = 3 * math.sqrt(2) * math.tanh(1 / (3 * math.sqrt(2)))
        actual = logits.standardised_soft_targets([0.0, 2.0], [3.0, 1.0], 3.0)
        self.assertAlmostEqual(actual, expected, 6)


class DecoupledTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 4.0)
    def test_by_hand(self, temperature):
        # Logits T times as large have the same softened distributions.
        actual = logits.decoupled(
            *(temperature * TEACHER, temperature * STUDENT, [0]),
            *(temperature, 3.0, 5.0),
        )
        expected = temperature**2 * (3 * TARGET + 5 * NON_TARGET)
        np.testing.assert_allclose(actual, [expected])

    def test_parts_make_up_the_divergence(self):
        teacher, student, labels = example()
        given = teacher, student, labels, 4.0
        p = reference.softmax(teacher, 4.0)[np.arange(6), labels]
        np.testing.assert_allclose(
            logits.target_class(*given)
            + (1 - p) * logits.non_target_classes(*given),
            reference.soft_targets(teacher, student, 4.0) / 16,
        )

    def test_of_two_classes_is_the_divergence(self):
        teacher, student, labels = example(classes=2)
        np.testing.assert_allclose(
            logits.decoupled(teacher, student, labels, 2.0),
            reference.soft_targets(teacher, student, 2.0),
        )

    def test_a_certain_student_costs_what_its_logits_say(self):
        # 1/3 ln(1/3) + 2/3 (ln(2/3) - ln(2 exp(-1000))), of q_y = 1.
        actual = logits.target_class([[0.0] * 3], [[1e3, 0.0, 0.0]], [0], 1.0)
        np.testing.assert_allclose(actual, [2000 / 3 - math.log(3)])

    def test_a_label_that_is_no_class_costs_nothing(self):
        teacher, student, _ = example(batch=3)
        labels = [-1, 2, 5]
        for loss in logits.decoupled, logits.normalised, logits.refined:
            actual = loss(teacher, student, labels)
            np.testing.assert_array_equal(actual != 0, [False, True, False])
            alone = loss(teacher[1:2], student[1:2], labels[1:2])
            np.testing.assert_allclose(actual[1:2], alone)

    def test_positions_are_examples(self):
        teacher, student, labels = example()
        by_two = (x.reshape(3, 2, *x.shape[1:]) for x in example())
        np.testing.assert_allclose(
            logits.decoupled(*by_two).ravel(),
            logits.decoupled(teacher, student, labels),
        )


class NormalisedTest(absltest.TestCase):
    def test_by_hand(self):
        # 1/2 ln 4 + 1.5 (1/2 ln 3 + 1/2 ln(3/2)).
        actual = logits.normalised(TEACHER, STUDENT, [0])
        np.testing.assert_allclose(
            actual, [math.log(2) + 0.75 * math.log(9 / 2)]
        )

    def test_term_of_the_label_knows_no_temperature(self):
        # At T = 1 the doubled logits have squared odds: 2/3 against 1/6.
        actual = logits.normalised(2 * TEACHER, 2 * STUDENT, [0], 2.0)
        np.testing.assert_allclose(
            actual, [math.log(6) * 2 / 3 + 4 * 0.75 * math.log(9 / 2)]
        )

    def test_is_not_0_where_the_student_is_the_teacher(self):
        # As printed by a program of its own for this teacher.
        _, teacher = np.random.default_rng(1).normal(size=(2, 6, 5))
        actual = logits.normalised(teacher, teacher, teacher.argmax(axis=-1))
        self.assertAlmostEqual(actual.mean(), 2.147050615384452, 12)

    def test_differs_from_divergences_by_what_the_teacher_fixes(self):
        teacher, student, labels = example()

        def excess(student):
            p = reference.softmax(teacher)[np.arange(6), labels]
            q = reference.softmax(student)[np.arange(6), labels]
            divergence = -p * np.log(q / p) + 1.5 * logits.non_target_classes(
                teacher, student, labels, 1.0
            )
            return logits.normalised(teacher, student, labels) - divergence

        np.testing.assert_allclose(excess(student), excess(teacher))


class RefinedTest(absltest.TestCase):
    def test_by_hand(self):
        # Label 1 and teacher's best 0: 1/2 1/2 against 1/4 3/4. None is below
        # the label; of the second, label 0, classes 1 and 2 are.
        actual = logits.refined(
            *(TEACHER.repeat(2, axis=0), STUDENT.repeat(2, axis=0), [1, 0]),
            *(1.0, 1.0, 3.0, 5.0),
        )
        np.testing.assert_allclose(
            actual, [3 * TARGET, 3 * TARGET + 5 * NON_TARGET]
        )

    def test_is_the_decoupled_loss_where_the_teacher_is_right(self):
        teacher, student, _ = example()
        labels = teacher.argmax(axis=-1)
        np.testing.assert_allclose(
            logits.refined(teacher, student, labels, 4.0, 4.0),
            logits.decoupled(teacher, student, labels, 4.0),
        )


class PowersTest(absltest.TestCase):
    def test_a_power_is_a_temperature_of_the_teacher(self):
        teacher, student, _ = example()
        np.testing.assert_allclose(
            logits.transformed_teacher(teacher, student, 0.25),
            reference.divergence(
                reference.log_softmax(teacher, 4.0),
                reference.log_softmax(student),
            ),
        )

    def test_a_softer_teacher_weighs_more(self):
        # Roots of 1/9 and 8/9 are 1/3 and sqrt(8)/3; those of 1/2 add up to
        # sqrt(2).
        teacher = np.log([[1.0, 8.0], [1.0, 1.0]])
        student = np.array([[0.0, 0.0], [0.0, 1.0]])
        ratio = logits.weighted_transformed_teacher(
            teacher, student, 0.5
        ) / logits.transformed_teacher(teacher, student, 0.5)
        np.testing.assert_allclose(
            ratio, [(1 + math.sqrt(8)) / 3, math.sqrt(2)]
        )

    def test_lifted_label(self):
        teacher, student, labels = example()
        np.testing.assert_allclose(
            logits.lifted_label(teacher, student, labels),
            -(reference.softmax(teacher) * reference.log_softmax(student)).sum(
                axis=-1
            ),
        )
        # (3/2)^2 - 1 = 5/4 at the label, 1/16 elsewhere.
        actual = logits.lifted_label(TEACHER, STUDENT, [0], 2.0)
        expected = 5 / 4 * math.log(4) + (math.log(4) + math.log(2)) / 16
        np.testing.assert_allclose(actual, [expected])

    def test_curriculum_begins_at_15_62(self):
        self.assertAlmostEqual(logits.curriculum_temperature(1), 15.62, 2)


if __name__ == "__main__":
    absltest.main()
