"""Checks the references where the tests that compare with them do not.

Numbers by hand stand in `losses/`, `metrics/` and `report/`, which derive the
library's values and compare them with these references as well.
"""

import decimal
import math

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
from scipy import special
from scipy import stats

from tests import reference

TEACHER = np.array([[2.0, 1.0, -1.0], [0.5, 0.5, 3.0]])
STUDENT = np.array([[1.0, 1.5, 0.0], [-0.5, 2.0, 1.0]])

PAIRS = arrays.arrays(
    np.float64, (2, 5), elements=strategies.floats(-1e4, 1e4, width=32)
)
TEMPERATURES = strategies.sampled_from([0.5, 1.0, 4.0, 20.0, 1000.0])
reproducible = hypothesis.settings(derandomize=True, deadline=None)


def decimal_divergence(teacher, student, temperature):
    """T^2 KL of softmax(x / T) by the definition, in 400 decimal digits."""
    with decimal.localcontext() as context:
        context.prec = 400
        context.Emin = decimal.MIN_EMIN
        context.Emax = decimal.MAX_EMAX
        t = decimal.Decimal(temperature)

        def probabilities(logits):
            powers = [(decimal.Decimal(float(x)) / t).exp() for x in logits]
            return [power / sum(powers) for power in powers]

        pairs = zip(probabilities(teacher), probabilities(student), strict=True)
        return float(t**2 * sum(p * (p / q).ln() for p, q in pairs))


def numerical_gradient(function, x, step):
    """Central differences of a function with one value per row of x."""
    gradient = np.zeros_like(x)
    for column in range(x.shape[-1]):
        shift = np.zeros_like(x)
        shift[:, column] = step
        change = function(x + shift) - function(x - shift)
        gradient[:, column] = change / (2 * step)
    return gradient


class ProbabilitiesTest(absltest.TestCase):
    @hypothesis.given(PAIRS)
    @reproducible
    def test_logarithms_are_those_of_scipy(self, x):
        np.testing.assert_allclose(
            reference.log_softmax(x), special.log_softmax(x, axis=-1), 1e-12
        )
        np.testing.assert_allclose(
            reference.log_sigmoid(x), special.log_expit(x), 1e-12
        )


class DivergenceTest(absltest.TestCase):
    def test_zero_times_log_zero_is_zero(self):
        # p = (1, 0), q = (1/2, 1/2): ln 2. And q = p: 0.
        certain = [0.0, -np.inf]
        np.testing.assert_allclose(
            reference.kl_divergence([certain, certain], [[0, 0], certain]),
            [math.log(2), 0],
        )

    def test_is_infinite_where_the_student_excludes_a_possible_class(self):
        actual = reference.kl_divergence([0.0, 0.0], [0.0, -np.inf])
        self.assertEqual(actual, np.inf)


class SoftTargetsTest(parameterized.TestCase):
    @hypothesis.given(PAIRS, TEMPERATURES)
    @reproducible
    def test_equals_400_digits(self, pair, temperature):
        expected = decimal_divergence(*pair, temperature)
        actual = reference.soft_targets(*pair, temperature)
        # Logarithms near 30 are rounded by 1e-14: squares of differences that
        # are smaller, times temperature^2, are lost.
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-21)

    @parameterized.parameters(1.0, 1e-3, 1e-6)
    def test_equals_400_digits_for_near_logits_at_high_temperature(self, gap):
        teacher = np.array([1e4, 9999.0, 9998.5])
        student = teacher + gap * np.array([1.0, -2.0, 0.5])
        np.testing.assert_allclose(
            reference.soft_targets(teacher, student, 1000),
            decimal_divergence(teacher, student, 1000),
            rtol=1e-6,
        )

    @parameterized.parameters(0.5, 1.0, 4.0, 20.0, 1000.0)
    def test_gradient_is_that_of_central_differences(self, temperature):
        np.testing.assert_allclose(
            reference.soft_targets_gradient(TEACHER, STUDENT, temperature),
            numerical_gradient(
                lambda x: reference.soft_targets(TEACHER, x, temperature),
                STUDENT,
                step=1e-4,
            ),
            rtol=1e-6,
            atol=1e-8,
        )

    @hypothesis.given(PAIRS, TEMPERATURES)
    @reproducible
    def test_of_labels_are_the_mean_over_two_class_problems(
        self, pair, temperature
    ):
        teacher, student = np.stack([pair, np.zeros_like(pair)], axis=-1)
        np.testing.assert_allclose(
            reference.binary_soft_targets(*pair, temperature),
            reference.soft_targets(teacher, student, temperature).mean(),
            rtol=1e-9,
            atol=1e-300,
        )


class EnsembleTest(parameterized.TestCase):
    @parameterized.parameters(
        # 0.2 (1/4, 3/4) + 0.8 (3/4, 1/4).
        ("arithmetic", [[0.65, 0.35]]),
        # Odds of (1/3)^0.2 3^0.8 = 3^0.6 to 1.
        ("geometric", [[3**0.6 / (1 + 3**0.6), 1 / (1 + 3**0.6)]]),
    )
    def test_by_hand(self, combine, expected):
        # Odds of 1 to 3 and of 3 to 1, of which T = 2 takes the roots.
        members = 2 * np.log([[[1.0, 3.0], [3.0, 1.0]]])
        log_p = reference.ensemble_log_probabilities(
            members, [0.2, 0.8], 2.0, combine
        )
        np.testing.assert_allclose(np.exp(log_p), expected)


class ExpectedCalibrationErrorTest(parameterized.TestCase):
    @parameterized.parameters((3, 9 / 15), (5, 9 / 15), (15, 9 / 15), (2, 0.5))
    def test_an_edge_belongs_to_the_bin_below(self, num_bins, edge):
        # A wrong answer on the edge of `num_bins`, if it is one, and a right
        # one just above it. In one bin their gaps -edge and 1 - edge partly
        # cancel: |1 - 2 edge| / 2. In two they add up to 1 / 2.
        confidence = np.array([edge, edge + 1e-9])
        together = not (edge * num_bins).is_integer()
        actual = reference.expected_calibration_error(
            [1, 0], np.stack([confidence, 1 - confidence], -1), num_bins
        )
        expected = abs(1 - 2 * edge) / 2 if together else 1 / 2
        np.testing.assert_allclose(actual, expected, atol=1e-8)


class IntervalTest(absltest.TestCase):
    def test_of_pairs_equals_scipys_paired_test(self):
        teacher, student = TEACHER.ravel(), STUDENT.ravel()
        expected = stats.ttest_rel(student, teacher).confidence_interval(0.9)
        _, low, high = reference.t_interval(student - teacher, 0.9)
        np.testing.assert_allclose([low, high], [expected.low, expected.high])

    def test_of_seeds_and_examples_by_hand(self):
        # Differences 1 1 0 and 1 0 0. Rows 2/3 and 1/3, columns 1, 1/2 and 0,
        # mean 1/2: squares 1/6 of one, 1 of two degrees of freedom, and of the
        # 3/2 in all 1/3 is left for two. Mean squares 1/6, 1/2, 1/6.
        # Student's quantiles at .95: tan(.45 pi) of one degree of freedom,
        # .9 / sqrt(2 .95 .05) of two.
        one, two = math.tan(0.45 * math.pi), 0.9 / math.sqrt(0.095)
        both = one**2 / 6 + two**2 * (1 / 2 - 1 / 6)
        margin = math.sqrt(both / 6)

        actual = reference.two_way_interval(
            [[0, 0, 1], [0, 0, 1]], [[1, 1, 1], [1, 0, 1]], level=0.9
        )

        # Above, no more than 2/3 is possible, since 1/3 is right before.
        np.testing.assert_allclose(actual, [1 / 2, -1 / 3, 2 / 3])
        self.assertGreater(margin, 5 / 6)
        uncut = reference.two_way_interval(
            [[0.5] * 3] * 2, [[0.6, 0.6, 0.5], [0.6, 0.5, 0.5]], level=0.9
        )
        np.testing.assert_allclose(
            uncut, [0.05, 0.05 - margin / 10, 0.05 + margin / 10]
        )


if __name__ == "__main__":
    absltest.main()
