"""The divergence of output layers, and its gradients, on every backend."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd._core.output_layers import Scores
from keras_kd.losses.divergence_in_chunks import divergence_in_chunks
from tests import reference
from tests.backend.gradients import values_and_gradients

RANDOM = np.random.default_rng(0)
ROWS, CLASSES, TEMPERATURE = 4, 11, 1.7


def made(features):
    """Hidden states, kernel and bias as float32 has them, in float64."""
    shapes = (ROWS, features), (features, CLASSES), (CLASSES,)
    return [
        RANDOM.normal(size=s).astype("float32").astype(float) for s in shapes
    ]


TEACHER, STUDENT = made(5), made(3)


def expected(student, temperature, teacher=TEACHER, reverse=False):
    """The divergence in float64, `(rows,)`."""
    logs = [
        reference.log_softmax(hidden @ kernel + bias, temperature)
        for hidden, kernel, bias in (teacher, student)
    ]
    return reference.divergence(*(logs[::-1] if reverse else logs))


def slopes(student, reverse):
    """Gradients of the sum of it by the student's three arrays, a list."""
    log_p, log_q = (
        reference.log_softmax(hidden @ kernel + bias, TEMPERATURE)
        for hidden, kernel, bias in (TEACHER, student)
    )
    p, q = np.exp(log_p), np.exp(log_q)
    # d/dz of sum p (log p - log q), with q the softmax of z over T.
    by_logits = q - p
    if reverse:
        # Of sum q (log q - log p): q (log q - log p - its sum).
        ratios = log_q - log_p
        by_logits = q * (ratios - (q * ratios).sum(-1, keepdims=True))
    by_logits = by_logits / TEMPERATURE
    hidden, kernel, _ = student
    return [by_logits @ kernel.T, hidden.T @ by_logits, by_logits.sum(axis=0)]


def tensors(arrays):
    return [ops.convert_to_tensor(one, "float32") for one in arrays]


def divergence(teacher, student, temperature=TEMPERATURE, size=4, **options):
    """The divergence of kernels by columns, as an array."""
    pair = [Scores(*tensors(one), False) for one in (teacher, student)]
    options.setdefault("reverse", False)
    found = divergence_in_chunks(*pair, temperature, size, **options)
    return ops.convert_to_numpy(found)


class DivergenceInChunksTest(parameterized.TestCase):
    @parameterized.product(
        reverse=(True, False), by_rows=(True, False), size=(4, 11)
    )
    def test_value_and_gradients(self, reverse, by_rows, size):
        # 4 does not divide 11 classes.
        hidden, kernel, bias = STUDENT
        variables = [
            keras.Variable(one, dtype="float32")
            for one in (kernel.T if by_rows else kernel, bias)
        ]
        temperature = keras.Variable(TEMPERATURE, dtype="float32")

        def function(hidden):
            weights = (1 * ops.convert_to_tensor(v) for v in variables)
            return divergence_in_chunks(
                Scores(*tensors(TEACHER), False),
                Scores(hidden, *weights, by_rows),
                temperature,
                size,
                reverse=reverse,
            )

        values, by_hidden, by_kernel, by_bias, by_temperature = (
            values_and_gradients(
                function, tensors([hidden])[0], [*variables, temperature]
            )
        )
        np.testing.assert_allclose(
            values, expected(STUDENT, TEMPERATURE, reverse=reverse), rtol=1e-5
        )
        found = by_hidden, by_kernel.T if by_rows else by_kernel, by_bias
        for one, other in zip(found, slopes(STUDENT, reverse), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        near = [
            expected(STUDENT, TEMPERATURE + step, reverse=reverse).sum()
            for step in (1e-5, -1e-5)
        ]
        np.testing.assert_allclose(
            by_temperature, (near[0] - near[1]) / 2e-5, rtol=1e-5
        )

    @parameterized.parameters(0.3, 0.1, 0.01)
    def test_float32_keeps_its_digits(self, distance):
        # Of .04, .005 and .00005 nats, on both sides of the limit from which
        # the plain sum is precise.
        random = np.random.default_rng(1)
        hidden = np.eye(8, dtype="float32")
        first = random.normal(size=(8, 1000)).astype("float32")
        second = first + distance * random.normal(size=(8, 1000))
        bias = np.zeros(1000)
        pair = [[hidden, x.astype("float32"), bias] for x in (first, second)]
        for reverse in (False, True):
            np.testing.assert_allclose(
                divergence(*pair, 1.0, 300, reverse=reverse),
                expected(pair[1], 1.0, pair[0], reverse),
                rtol=3e-5,
            )

    def test_an_offset_of_all_logits_changes_nothing(self):
        hidden, kernel, bias = STUDENT
        moved = divergence(TEACHER, [hidden, kernel, bias + 1024.0])
        np.testing.assert_allclose(
            moved,
            expected([hidden, kernel, np.float32(bias + 1024)], TEMPERATURE),
            rtol=2e-4,
        )

    @parameterized.parameters((slice(0, 1),), (slice(0, 4),), (slice(9, 11),))
    def test_the_teacher_may_rule_classes_out(self, ruled_out):
        # One class, the whole first chunk, and part of the last.
        hidden, kernel, bias = TEACHER
        bias = bias.copy()
        bias[ruled_out] = -np.inf
        teacher = [hidden, kernel, bias]
        np.testing.assert_allclose(
            divergence(teacher, STUDENT),
            expected(STUDENT, TEMPERATURE, teacher),
            rtol=1e-5,
        )

    def test_is_finite_where_the_student_rules_out_what_the_teacher_does_not(
        self,
    ):
        hidden, kernel, bias = STUDENT
        bias = bias.copy()
        bias[2] = -np.inf
        values = divergence(TEACHER, [hidden, kernel, bias])
        np.testing.assert_allclose(values, [1e30] * ROWS, rtol=1e-6)

    def test_nan_is_no_number(self):
        hidden, kernel, bias = STUDENT
        hidden = hidden.copy()
        hidden[1] = np.nan
        values = divergence(TEACHER, [hidden, kernel, bias])
        np.testing.assert_array_equal(
            np.isnan(values), [False, True] + [False] * 2
        )

    def test_no_examples_have_no_values(self):
        """As on a replica that gets none of a short batch."""
        pair = [[one[0][:0], *one[1:]] for one in (TEACHER, STUDENT)]
        self.assertEqual(divergence(*pair).shape, (0,))


if __name__ == "__main__":
    absltest.main()
