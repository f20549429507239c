"""The divergence of logits, its gradients and theirs, on every backend."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd.losses.divergence_of_logits import divergence_of_logits
from tests import reference
from tests.backend.gradients import second_derivative
from tests.backend.gradients import values_and_gradients

RANDOM = np.random.default_rng(0)
FIRST = RANDOM.normal(size=(4, 5)) * 2
# Two rows far from the first's, two near: both ways of adding up.
SECOND = FIRST + RANDOM.normal(size=(4, 5)) * [[2], [1], [0.1], [0.01]]
WAY = RANDOM.normal(size=(4, 5))
TEMPERATURE = 1.7


def expected(first, second, temperature):
    """The divergence in float64, `(...)`."""
    return reference.divergence(
        reference.log_softmax(first, temperature),
        reference.log_softmax(second, temperature),
    )


def slope(function, x, step=1e-4):
    """The gradient of the sum of a function, by differences of 4th order."""
    found = np.zeros(np.shape(x))
    for place in np.ndindex(np.shape(x)):
        shift = np.zeros(np.shape(x))
        shift[place] = step
        near = np.sum(function(x + shift)) - np.sum(function(x - shift))
        far = np.sum(function(x + 2 * shift)) - np.sum(function(x - 2 * shift))
        found[place] = (8 * near - far) / (12 * step)
    return found


def along(function, x, way, step=1e-3):
    """The change of the gradient of a function in a direction."""
    near = slope(function, x + step * way) - slope(function, x - step * way)
    return near / (2 * step)


class DivergenceOfLogitsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.temperature = keras.Variable(TEMPERATURE, dtype="float32")
        self.fixed = keras.Variable(
            TEMPERATURE, dtype="float32", trainable=False
        )

    def of_second(self, temperature):
        first = ops.convert_to_tensor(FIRST, "float32")
        return lambda x: divergence_of_logits(first, x, temperature)

    def of_first(self, temperature):
        second = ops.convert_to_tensor(SECOND, "float32")
        return lambda x: divergence_of_logits(
            x, second, temperature, by_first=True
        )

    def assert_equals(self, function, x, formula, rtol=1e-5):
        """Compares a divergence at x, and its gradients, with the formula.

        Args:
            function: From logits to divergences, at `self.temperature`.
            x: The logits.
            formula: From logits and a temperature to divergences, in float64.
            rtol: Tolerance of the derivative by temperature.
        """
        value, by_x, by_temperature = values_and_gradients(
            function, ops.convert_to_tensor(x, "float32"), [self.temperature]
        )
        np.testing.assert_allclose(
            value, formula(x, TEMPERATURE), rtol=1e-5, atol=1e-8
        )
        np.testing.assert_allclose(
            by_x,
            slope(lambda x: formula(x, TEMPERATURE), x),
            rtol=1e-5,
            atol=1e-6,
        )
        np.testing.assert_allclose(
            by_temperature,
            slope(lambda t: formula(x, t), np.array(TEMPERATURE)),
            rtol=rtol,
        )

    def test_value_and_gradients(self):
        self.assert_equals(
            self.of_second(self.temperature),
            SECOND,
            lambda x, t: expected(FIRST, x, t),
        )

    @parameterized.parameters(32.0, -1024.0, 8192.0)
    def test_an_offset_of_all_logits_takes_no_digits(self, offset):
        """No softmax sees it, but a difference of large numbers would."""
        # As float32 has them, so that the offset itself rounds nothing.
        second = np.float64(np.float32(SECOND + offset))
        first = ops.convert_to_tensor(FIRST, "float32")
        self.assert_equals(
            lambda x: divergence_of_logits(
                x, first, self.temperature, by_first=True
            ),
            second,
            lambda x, t: expected(x, FIRST, t),
            rtol=1e-4,
        )
        x = ops.convert_to_tensor(second, "float32")
        other = ops.convert_to_numpy(self.of_second(self.fixed)(x))
        np.testing.assert_allclose(
            other, expected(FIRST, second, TEMPERATURE), rtol=1e-5, atol=1e-8
        )

    def test_no_examples_have_no_values(self):
        """As in a peer's part of a short batch."""
        none = ops.zeros((0, 5))
        self.assertEqual(
            divergence_of_logits(none, none, self.fixed).shape, (0,)
        )

    @parameterized.product(
        distance=(0.3, 0.2, 0.1, 0.01), by_first=(True, False)
    )
    def test_float32_keeps_its_digits(self, distance, by_first):
        # Of .04, .02, .005 and .00005 nats: on both sides of the limit from
        # which a plain sum is precise.
        random = np.random.default_rng(1)
        first = random.normal(size=(8, 1000)).astype("float32")
        second = first + distance * random.normal(size=(8, 1000))
        second = second.astype("float32")
        actual = divergence_of_logits(
            *map(ops.convert_to_tensor, (first, second)),
            1.0,
            by_first=by_first,
        )
        np.testing.assert_allclose(
            ops.convert_to_numpy(actual),
            expected(first, second, 1.0),
            rtol=2e-5,
        )

    def test_value_and_gradients_by_the_first(self):
        self.assert_equals(
            self.of_first(self.temperature),
            FIRST,
            lambda x, t: expected(x, SECOND, t),
        )

    @parameterized.parameters(True, False)
    def test_gradient_can_be_differentiated(self, is_trained):
        temperature = self.temperature if is_trained else self.fixed
        for function, x, other in (
            (
                self.of_second(temperature),
                SECOND,
                lambda x: expected(FIRST, x, TEMPERATURE),
            ),
            (
                self.of_first(temperature),
                FIRST,
                lambda x: expected(x, SECOND, TEMPERATURE),
            ),
        ):
            second = second_derivative(
                function,
                ops.convert_to_tensor(x, "float32"),
                ops.convert_to_tensor(WAY, "float32"),
            )
            np.testing.assert_allclose(
                second, along(other, x, WAY), rtol=1e-5, atol=2e-6
            )

    def test_logits_that_rule_out_a_class(self):
        low = -np.inf
        first = np.array([[0, low, 1], [0, low, 1], [0, 3, 1]], "float32")
        second = np.array([[0, 1, 2], [0, low, 2], [0, low, 2]], "float32")
        x = ops.convert_to_tensor(second)
        value, by_x = values_and_gradients(
            lambda x: divergence_of_logits(
                ops.convert_to_tensor(first), x, self.fixed
            ),
            x,
            [],
        )
        # Of the two classes that are left, and the student's third.
        two = expected(first[1:2, ::2], second[1:2, ::2], TEMPERATURE)
        np.testing.assert_allclose(value[1:2], two, rtol=1e-5)
        p = np.exp(reference.log_softmax(first[0, ::2], TEMPERATURE))
        log_q = reference.log_softmax(second[0], TEMPERATURE)[::2]
        np.testing.assert_allclose(
            value[0], np.sum(p * (np.log(p) - log_q)), rtol=1e-5
        )
        self.assertGreaterEqual(value[2], 1e29)
        self.assertTrue(np.all(np.isfinite(value)))
        self.assertTrue(np.all(np.isfinite(by_x)))


if __name__ == "__main__":
    absltest.main()
