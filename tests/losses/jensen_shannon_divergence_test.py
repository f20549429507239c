import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from tests import reference
from tests.losses import logit_cases
from tests.losses.logit_cases import STUDENT
from tests.losses.logit_cases import TEACHER
from tests.references import sequences


def made(temperature, share):
    return losses.JensenShannonDivergence(temperature, teacher_share=share)


class JensenShannonDivergenceTest(parameterized.TestCase):
    @parameterized.parameters((1.0, 0.5), (1.0, 0.1), (3.0, 0.9))
    def test_equals_the_formula(self, temperature, share):
        logit_cases.assert_equal(
            lambda: made(temperature, share),
            lambda teacher, student: (
                temperature**2
                * sequences.jensen_shannon(teacher, student, share, temperature)
            ),
        )

    def test_the_share_is_the_teachers(self):
        np.testing.assert_allclose(
            made(1.0, 0.2)(TEACHER, STUDENT),
            made(1.0, 0.8)(STUDENT, TEACHER),
            rtol=1e-5,
        )

    def test_near_its_ends_it_goes_over_into_both_divergences(self):
        # No jump by 1 / share, but a value in proportion to it. The next term
        # is smaller by the share times p / q, up to some e^4.
        for share, limit in (
            (0.001, reference.kl_divergence(TEACHER, STUDENT)),
            (0.999, reference.kl_divergence(STUDENT, TEACHER)),
        ):
            actual = made(1.0, share)(TEACHER, STUDENT)
            np.testing.assert_allclose(
                actual / np.float32(min(share, 1 - share)), limit, rtol=0.03
            )

    def test_is_at_most_log_two(self):
        actual = made(1.0, 0.5)(1e4 * TEACHER, -1e4 * TEACHER)
        np.testing.assert_allclose(actual, np.log(2), rtol=1e-6)

    def test_a_class_that_the_teacher_rules_out(self):
        # p = (0, 1), q = (1/2, 1/2), mixture (1/4, 3/4).
        actual = made(1.0, 0.5)(np.array([[-np.inf, 0.0]]), np.zeros((1, 2)))
        expected = np.log(4 / 3) / 2 + (np.log(2) + np.log(2 / 3)) / 4
        np.testing.assert_allclose(actual, [expected], rtol=1e-6)


if __name__ == "__main__":
    absltest.main()
