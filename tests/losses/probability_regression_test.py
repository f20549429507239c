import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as arrays

import keras_kd
from keras_kd import losses
from keras_kd._core import ensemble_logits
from tests import reference
from tests import support
from tests.losses import precision

TEACHER = np.array([[2.0, 1.0, -1.0], [0.5, 0.5, 3.0]])
STUDENT = np.array([[1.0, 1.5, 0.0], [-0.5, 2.0, 1.0]])
EXTREME = np.array([[1e4, -1e4, 0.0], [1e4, 9984.0, -1e4]])

PAIRS = arrays.arrays(
    np.float64, (2, 3, 4), elements=strategies.floats(-1e4, 1e4, width=32)
)
DTYPES = strategies.sampled_from(["float32", "float16", "bfloat16"])


def run(teacher, student, *args):
    return precision.run(losses.ProbabilityRegression, teacher, student, *args)


class ProbabilityRegressionTest(parameterized.TestCase):
    def test_by_hand(self):
        # Probabilities 3/4 and 1/2 of the first of two classes.
        pair = [[np.log(3.0), 0.0]], [[0.0, 0.0]]
        np.testing.assert_allclose(run(*pair).value, [1 / 16], rtol=1e-6)

    @hypothesis.given(PAIRS, DTYPES)
    @precision.reproducible
    def test_equals_the_reference(self, pair, dtype):
        result = run(*pair, dtype)
        expected = reference.probability_regression(
            result.teacher, result.student
        )
        precision.assert_precise(result, expected)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_equals_the_reference_under_every_policy(self, policy, dtype):
        for pair in (TEACHER, STUDENT), (EXTREME, -EXTREME):
            result = run(*pair, dtype, policy)
            expected = reference.probability_regression(
                result.teacher, result.student
            )
            precision.assert_precise(result, expected)

    def test_gradient_is_that_of_finite_differences(self):
        step = 1e-6
        expected = np.zeros_like(STUDENT)
        for place in np.ndindex(STUDENT.shape):
            moved = np.zeros_like(STUDENT)
            moved[place] = step
            ends = [
                reference.probability_regression(
                    TEACHER, STUDENT + sign * moved
                )
                for sign in (1, -1)
            ]
            expected[place] = (ends[0] - ends[1]).sum() / (2 * step)
        np.testing.assert_allclose(
            run(TEACHER, STUDENT).gradient, expected, atol=1e-6
        )

    def test_averages_the_probabilities_of_members(self):
        members = np.stack([TEACHER, 3 * TEACHER[:, ::-1]], axis=1)
        weights = np.log([[0.25, 0.75]] * 2)
        average = 0.25 * reference.softmax(members[:, 0])
        average += 0.75 * reference.softmax(members[:, 1])
        difference = reference.softmax(STUDENT) - average
        value = losses.ProbabilityRegression()(
            {
                ensemble_logits.MEMBER_LOGITS: members,
                ensemble_logits.MEMBER_LOG_WEIGHTS: weights,
            },
            STUDENT,
        )
        np.testing.assert_allclose(
            value, 0.5 * np.square(difference).sum(-1), rtol=1e-5
        )

    @support.eagerly()
    def test_a_distiller_takes_it_with_an_ensemble(self):
        ensemble = keras_kd.teachers.EnsembleTeacher(
            [support.dense(8, name=f"member_{i}") for i in range(2)]
        )
        distiller = support.distiller(
            losses.ProbabilityRegression(), teacher=ensemble
        )
        distiller.compile("adam")
        x, _ = support.data()
        history = distiller.fit(x, epochs=3, verbose=0).history["loss"]
        self.assertLess(history[-1], history[0])

    def test_rejects_what_has_no_probabilities_to_compare(self):
        loss = losses.ProbabilityRegression()
        with self.assertRaisesRegex(ValueError, r"\(2, 3\).*\(2, 4\)"):
            loss(TEACHER, np.zeros((2, 4)))
        with self.assertRaisesRegex(ValueError, "two classes"):
            losses.ProbabilityRegression()(np.zeros((2, 1)), np.zeros((2, 1)))


if __name__ == "__main__":
    absltest.main()
