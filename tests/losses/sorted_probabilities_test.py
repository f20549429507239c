import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from tests.losses import logit_cases
from tests.losses import precision
from tests.references import sequences

TEACHER, STUDENT = np.random.default_rng(5).normal(size=(2, 3, 4, 5))


class SortedProbabilitiesTest(parameterized.TestCase):
    def test_by_hand(self):
        # 1/2 1/4 1/4 against 3/4 1/4 0.
        teacher, student = np.log([[1.0, 2.0, 1.0]]), np.log([[1.0, 3.0]])
        for pair in ((teacher, student), (student, teacher)):
            value = losses.SortedProbabilities()(*pair)
            np.testing.assert_allclose(value, [0.5], rtol=1e-6)

    @parameterized.named_parameters(
        ("one_size", TEACHER, STUDENT),
        ("smaller_student", TEACHER, STUDENT[..., :3]),
        ("larger_student", TEACHER[..., :3], STUDENT),
    )
    def test_value_and_gradient_equal_the_reference(self, teacher, student):
        logit_cases.assert_equal(
            losses.SortedProbabilities,
            sequences.sorted_distance,
            teacher,
            student,
        )

    def test_a_word_that_the_teacher_rules_out_is_last(self):
        teacher = np.array([[-np.inf, 1.0, 0.0]])
        result = precision.run(
            losses.SortedProbabilities, teacher, STUDENT[0, :1, :2]
        )
        expected = sequences.sorted_distance(teacher[:, 1:], result.student)
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)

    def test_rejects_other_numbers_of_positions(self):
        with self.assertRaisesRegex(ValueError, "the same positions"):
            losses.SortedProbabilities()(TEACHER, STUDENT[:, :3, :2])

    def test_rejects_one_class_on_either_side(self):
        for pair in ((TEACHER[..., :1], STUDENT), (TEACHER, STUDENT[..., :1])):
            with self.assertRaisesRegex(ValueError, "at least two classes"):
                losses.SortedProbabilities()(*pair)

    def test_losses_of_one_vocabulary_name_it(self):
        for loss in (losses.SoftTargets(), losses.LogitRegression()):
            with self.assertRaisesRegex(ValueError, "`SortedProbabilities`"):
                loss(TEACHER, STUDENT[..., :3])


if __name__ == "__main__":
    absltest.main()
