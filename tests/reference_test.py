"""Checks the references against closed forms, limits, decimals and scipy."""

import decimal
import math

import hypothesis
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies
from hypothesis.extra import numpy as arrays
from scipy import special

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


class ProbabilitiesTest(parameterized.TestCase):
    def test_softmax_by_hand(self):
        # Logits ln 1, ln 2, ln 5 have the odds 1 : 2 : 5.
        np.testing.assert_allclose(
            reference.softmax(np.log([1, 2, 5])), [1 / 8, 2 / 8, 5 / 8]
        )

    def test_temperature_two_takes_the_root_of_the_odds(self):
        np.testing.assert_allclose(
            reference.softmax(np.log([1.0, 4.0, 9.0]), 2), [1 / 6, 2 / 6, 3 / 6]
        )

    @hypothesis.given(PAIRS)
    @reproducible
    def test_logarithms_are_those_of_scipy(self, x):
        np.testing.assert_allclose(
            reference.log_softmax(x), special.log_softmax(x, axis=-1), 1e-12
        )
        np.testing.assert_allclose(
            reference.log_sigmoid(x), special.log_expit(x), 1e-12
        )

    def test_log_softmax_is_the_shifted_logit_far_from_the_maximum(self):
        np.testing.assert_array_equal(
            reference.log_softmax([1e4, -1e4]), [0.0, -2e4]
        )

    def test_sigmoid_by_hand(self):
        # exp(-800) underflows beside 1 and to 0, without a warning.
        np.testing.assert_allclose(
            reference.sigmoid([0.0, math.log(3), -math.log(3), 800, -800]),
            [1 / 2, 3 / 4, 1 / 4, 1, 0],
        )

    def test_sigmoid_is_the_first_of_two_softmax_probabilities(self):
        x = np.linspace(-30, 30, 13)
        pairs = np.stack([x, np.zeros_like(x)], axis=-1)
        np.testing.assert_allclose(
            reference.sigmoid(x), reference.softmax(pairs)[:, 0], 1e-12
        )


class DivergenceTest(parameterized.TestCase):
    def test_by_hand(self):
        # p = (1/2, 1/2), q = (1/4, 3/4): (ln 2 + ln 2/3) / 2 = ln(4/3) / 2.
        actual = reference.kl_divergence([0, 0], [0, math.log(3)])
        np.testing.assert_allclose(actual, math.log(4 / 3) / 2)

    def test_equals_scipys_relative_entropy(self):
        p, q = reference.softmax(TEACHER), reference.softmax(STUDENT)
        np.testing.assert_allclose(
            reference.kl_divergence(TEACHER, STUDENT),
            special.rel_entr(p, q).sum(axis=-1),
        )

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
    def test_by_hand(self):
        # T = 2 makes the odds 3 : 1 of odds 9 : 1, and T^2 = 4:
        # 4 (3/4 ln(3/2) + 1/4 ln(1/2)) = 3 ln(3/2) - ln 2.
        actual = reference.soft_targets([math.log(9), 0], [0, 0], 2)
        np.testing.assert_allclose(actual, 3 * math.log(1.5) - math.log(2))

    @parameterized.parameters(1.0, 1000.0)
    def test_extreme_logits_by_hand(self, temperature):
        # Odds exp(a) : 1 against 1 : exp(a), a = 2e4 / T. With p = sigmoid(a)
        # KL = (2 p - 1) a = a tanh(a / 2).
        gap = 2e4 / temperature
        actual = reference.soft_targets([1e4, -1e4], [-1e4, 1e4], temperature)
        expected = temperature**2 * gap * math.tanh(gap / 2)
        np.testing.assert_allclose(actual, expected, rtol=1e-14)

    @hypothesis.given(PAIRS, TEMPERATURES)
    @reproducible
    def test_equals_400_digits(self, pair, temperature):
        expected = decimal_divergence(*pair, temperature)
        actual = reference.soft_targets(*pair, temperature)
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-300)

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

    def test_tends_to_matching_centred_logits(self):
        # The next term of the expansion is of order 1 / T: it halves.
        limit = reference.centred_logit_match(TEACHER, STUDENT)
        near = reference.soft_targets(TEACHER, STUDENT, 1e3) - limit
        far = reference.soft_targets(TEACHER, STUDENT, 2e3) - limit
        np.testing.assert_allclose(near, 0, atol=2e-3)
        np.testing.assert_allclose(near / far, 2, rtol=5e-3)

    def test_centred_logit_match_by_hand(self):
        # Differences (1, 0, 5), mean 2: (1 + 4 + 9) / (2 * 3) = 7 / 3.
        actual = reference.centred_logit_match([10, 20, 30], [11, 20, 35])
        np.testing.assert_allclose(actual, 7 / 3)


class BinarySoftTargetsTest(parameterized.TestCase):
    def test_by_hand(self):
        # The second label agrees, the first is 4 (3/4 ln 3/2 + 1/4 ln 1/2) as
        # in SoftTargetsTest. The mean of the two halves it.
        actual = reference.binary_soft_targets([math.log(9), 5], [0, 5], 2)
        expected = (3 * math.log(1.5) - math.log(2)) / 2
        np.testing.assert_allclose(actual, expected)

    @hypothesis.given(PAIRS, TEMPERATURES)
    @reproducible
    def test_is_the_mean_over_two_class_problems(self, pair, temperature):
        teacher, student = np.stack([pair, np.zeros_like(pair)], axis=-1)
        np.testing.assert_allclose(
            reference.binary_soft_targets(*pair, temperature),
            reference.soft_targets(teacher, student, temperature).mean(),
            rtol=1e-9,
            atol=1e-300,
        )

    def test_equals_scipys_relative_entropy(self):
        p, q = special.expit(TEACHER / 3), special.expit(STUDENT / 3)
        entropy = special.rel_entr(p, q) + special.rel_entr(1 - p, 1 - q)
        np.testing.assert_allclose(
            reference.binary_soft_targets(TEACHER, STUDENT, 3),
            9 * entropy.mean(axis=-1),
        )


class LogitRegressionTest(absltest.TestCase):
    def test_by_hand(self):
        # (1 + 0 + 4) / 2; centred, the teacher is (-1, 0, 1): (4 + 4 + 16) / 2.
        pair = [[1, 2, 3]], [[1 + 0, 2, 5]]
        np.testing.assert_allclose(reference.logit_regression(*pair), [2])
        centred = reference.logit_regression(*pair, center=True)
        np.testing.assert_allclose(centred, [(2**2 + 2**2 + 4**2) / 2])


class HintTest(absltest.TestCase):
    def test_averages_all_but_the_batch(self):
        student = np.zeros((2, 2, 3, 4))
        student[1, 0, 0, 0] = 12
        # 144 over 2 * 3 * 4 = 24 places.
        actual = reference.hint(np.zeros_like(student), student)
        np.testing.assert_allclose(actual, [0, 6])

    def test_vectors(self):
        actual = reference.hint([[1, 2], [0, 0]], [[1, 4], [3, 3]])
        np.testing.assert_allclose(actual, [2, 9])

    def test_keeps_steps(self):
        teacher = np.zeros((1, 3, 2))
        student = np.array([[[0, 2], [3, 3], [0, 0]]])
        actual = reference.hint(teacher, student)
        np.testing.assert_allclose(actual, [[2, 9, 0]])


class AttentionTransferTest(parameterized.TestCase):
    # Two positions side by side, two channels.
    TEACHER = np.array([[[[1.0, -1.0], [0.0, 0.0]]]])
    STUDENT = np.array([[[[0.0, 0.0], [2.0, 7.0]]]])

    @parameterized.named_parameters(
        # Energies of channels (1, -2) and (2, 2), divided by their length.
        ("absolute", 1, False, [3, 4]),
        ("square", 2, False, [5, 8]),
        ("fourth", 4, False, [17, 32]),
        ("highest", 1, True, [2, 2]),
        ("highest_square", 2, True, [4, 4]),
    )
    def test_map_by_hand(self, power, maximum, energy):
        features = np.array([[[[1, -2]], [[2, 2]]]])
        np.testing.assert_allclose(
            reference.attention_map(features, power, maximum),
            [np.array(energy) / math.hypot(*energy)],
        )

    def test_map_keeps_the_order_of_positions(self):
        features = np.sqrt(np.arange(6.0).reshape(1, 2, 3, 1))
        np.testing.assert_allclose(
            reference.attention_map(features), [np.arange(6) / math.sqrt(55)]
        )

    def test_maps_apart_have_the_distance_root_two(self):
        # Maps (1, 0) and (0, 1): the length is sqrt 2, the mean square 1.
        pair = self.TEACHER, self.STUDENT
        norm = reference.attention_transfer(*pair)
        mean_square = reference.attention_transfer(*pair, squared=True)
        np.testing.assert_allclose(norm, [math.sqrt(2)])
        np.testing.assert_allclose(mean_square, [1])

    def test_zero_map_has_the_distance_one(self):
        for form, expected in ((False, [1]), (True, [1 / 2])):
            actual = reference.attention_transfer(
                self.TEACHER, 0 * self.STUDENT, squared=form
            )
            np.testing.assert_allclose(actual, expected)

    def test_ignores_scale_sign_and_order_of_channels(self):
        features = np.random.default_rng(0).normal(size=(3, 4, 5, 6))
        other = (
            -7 * features[..., ::-1] * np.array([1, 2, 3])[:, None, None, None]
        )
        actual = reference.attention_transfer(features, other)
        np.testing.assert_allclose(actual, 0, atol=1e-14)


if __name__ == "__main__":
    absltest.main()
