"""The divergence from few logits, and its gradients, on every backend."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd._core import top_logits
from keras_kd.losses.divergence_of_top_logits import divergence_of_top_logits
from tests import reference
from tests.backend.gradients import second_derivative
from tests.backend.gradients import values_and_gradients

CLASSES, K, TEMPERATURE = 4000, 3, 2.0
RANDOM = np.random.default_rng(0)
TOP = {
    "top_logits": RANDOM.normal(5, 1, size=(2, 4, K)).astype("float32"),
    "top_classes": np.argsort(RANDOM.normal(size=(2, 4, CLASSES)))[..., :K],
    "rest_log_sum_exp": RANDOM.normal(4, 1, size=(2, 4)).astype("float32"),
}
WAY = RANDOM.normal(size=(2, 4, CLASSES)).astype("float32")


def spread(top):
    """Logits of all classes, of which the others share what is left."""
    rest = reference.float64(top["rest_log_sum_exp"]) - np.log(CLASSES - K)
    logits = np.repeat(rest[..., None], CLASSES, axis=-1)
    np.put_along_axis(logits, top["top_classes"], top["top_logits"], axis=-1)
    return logits


def student(distance):
    """Logits so far from the teacher's, in units of the temperature."""
    changes = np.random.default_rng(1).normal(size=(2, 4, CLASSES))
    # Another constant in each row changes no probability.
    shifts = np.arange(-3.0, 5.0).reshape(2, 4, 1)
    logits = spread(TOP) + distance * (TEMPERATURE * changes + shifts)
    return logits.astype("float32")


def run(top, logits):
    """The value and its gradient by the student's logits."""
    top = {key: ops.convert_to_tensor(value) for key, value in top.items()}
    return values_and_gradients(
        lambda x: divergence_of_top_logits(top, x, TEMPERATURE),
        ops.convert_to_tensor(logits),
        [],
    )


class DivergenceOfTopLogitsTest(parameterized.TestCase):
    # From 2 nats to 5e-7: both ways of adding up.
    @parameterized.parameters(2.0, 0.5, 0.21, 0.1, 0.01, 0.001)
    def test_is_that_of_all_logits(self, distance):
        logits = student(distance)
        log_p = reference.log_softmax(spread(TOP), TEMPERATURE)
        log_q = reference.log_softmax(logits, TEMPERATURE)
        value, gradient = run(TOP, logits)
        np.testing.assert_allclose(
            value, reference.divergence(log_p, log_q), rtol=5e-5
        )
        np.testing.assert_allclose(
            gradient, (np.exp(log_q) - np.exp(log_p)) / TEMPERATURE, atol=1e-7
        )

    @parameterized.parameters(-1024.0, 8192.0)
    def test_an_offset_of_all_logits_takes_no_digits(self, offset):
        """No softmax sees it, but a difference of large numbers would."""
        logits = (student(1.0) + np.float32(offset)).astype("float32")
        expected = reference.divergence(
            reference.log_softmax(spread(TOP), TEMPERATURE),
            reference.log_softmax(logits, TEMPERATURE),
        )
        np.testing.assert_allclose(run(TOP, logits)[0], expected, rtol=5e-5)

    def test_rows_of_both_kinds_in_one_batch(self):
        logits = np.concatenate([student(1.0)[:1], student(0.01)[1:]])
        expected = reference.divergence(
            reference.log_softmax(spread(TOP), TEMPERATURE),
            reference.log_softmax(logits, TEMPERATURE),
        )
        np.testing.assert_allclose(run(TOP, logits)[0], expected, rtol=5e-5)

    def test_gradient_can_be_differentiated(self):
        # The derivative of (q - p) / T in a direction w is that of a softmax:
        # q (w - q w) / T^2.
        logits = student(1.0)
        q = reference.softmax(logits, TEMPERATURE)
        along = WAY - np.sum(q * WAY, axis=-1, keepdims=True)
        top = {key: ops.convert_to_tensor(value) for key, value in TOP.items()}
        actual = second_derivative(
            lambda x: divergence_of_top_logits(top, x, TEMPERATURE),
            ops.convert_to_tensor(logits),
            ops.convert_to_tensor(WAY),
        )
        np.testing.assert_allclose(
            actual, q * along / TEMPERATURE**2, atol=1e-7
        )

    @parameterized.parameters("top_logits", "rest_log_sum_exp")
    def test_classes_that_the_teacher_rules_out(self, key):
        low = np.array(TOP[key])
        low[0, 0, ...] = -np.inf
        top = TOP | {key: low}
        if key == "top_logits":
            # Some are left: all of none has no probabilities.
            low[0, 0, 1:] = TOP[key][0, 0, 1:]
        logits = student(1.0)
        p = reference.softmax(spread(top), TEMPERATURE)
        log_q = reference.log_softmax(logits, TEMPERATURE)
        log_p = np.log(np.where(p > 0, p, 1))
        value, gradient = run(top, logits)
        np.testing.assert_allclose(
            value, np.sum(p * (log_p - log_q), axis=-1), rtol=5e-5
        )
        np.testing.assert_allclose(
            gradient, (np.exp(log_q) - p) / TEMPERATURE, atol=1e-7
        )

    def test_a_student_that_rules_out_what_its_teacher_does_not(self):
        logits = student(1.0)
        logits[0, 0, TOP["top_classes"][0, 0, 0]] = -np.inf
        value, gradient = run(TOP, logits)
        self.assertGreaterEqual(value[0, 0], 1e29)
        self.assertTrue(np.all(np.isfinite(value)))
        self.assertTrue(np.all(np.isfinite(gradient)))

    def test_equal_logits_of_the_same_rest(self):
        logits = ops.convert_to_numpy(
            top_logits.spread(
                {k: ops.convert_to_tensor(v) for k, v in TOP.items()}, CLASSES
            )
        )
        np.testing.assert_allclose(run(TOP, logits)[0], 0, atol=1e-9)


if __name__ == "__main__":
    absltest.main()
