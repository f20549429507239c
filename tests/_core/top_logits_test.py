import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._core import top_logits


def softmax(x):
    e = np.exp(np.asarray(x, "float64"))
    return e / e.sum(axis=-1, keepdims=True)


def logits(*shape):
    return np.random.default_rng(0).normal(0, 3, shape).astype("float32")


class TopClassesTest(parameterized.TestCase):
    def test_by_hand(self):
        # Rest: log(e**0 + e**0) = log 2, and log 2 - log 2 = 0 for each.
        x = np.array([[0.0, 5.0, 0.0, 3.0]], "float32")
        encoded = top_logits.encode(x, 2)
        np.testing.assert_array_equal(encoded["top_classes"], [[1, 3]])
        np.testing.assert_array_equal(encoded["top_logits"], [[5.0, 3.0]])
        np.testing.assert_allclose(
            encoded["rest_log_sum_exp"], [np.log(2)], rtol=1e-6
        )
        np.testing.assert_allclose(top_logits.spread(encoded, 4), x, atol=1e-6)

    @parameterized.parameters(1, 2, 5)
    def test_keeps_the_probabilities_of_the_top(self, k):
        x = logits(6, 9)
        spread = np.asarray(top_logits.spread(top_logits.encode(x, k), 9))
        order = np.argsort(-x, axis=-1)
        given = np.take_along_axis(softmax(spread), order, axis=-1)
        wanted = np.take_along_axis(softmax(x), order, axis=-1)
        wanted[:, k:] = wanted[:, k:].mean(axis=-1, keepdims=True)
        np.testing.assert_allclose(given, wanted, rtol=1e-5, atol=1e-7)

    def test_rest_is_even_at_any_temperature(self):
        x = logits(4, 7)
        spread = np.asarray(top_logits.spread(top_logits.encode(x, 3), 7))
        order = np.argsort(-x, axis=-1)[:, 3:]
        for temperature in (0.5, 4.0, 20.0):
            p = softmax(spread / temperature)
            rest = np.take_along_axis(p, order, axis=-1)
            np.testing.assert_allclose(rest, rest[:, :1].repeat(4, 1))

    def test_every_axis_but_the_last_is_kept(self):
        x = logits(2, 3, 4, 6)
        encoded = top_logits.encode(x, 2)
        self.assertEqual(encoded["top_logits"].shape, (2, 3, 4, 2))
        self.assertEqual(encoded["rest_log_sum_exp"].shape, (2, 3, 4))
        flat = top_logits.encode(x.reshape(-1, 6), 2)
        np.testing.assert_array_equal(
            np.reshape(top_logits.spread(encoded, 6), (-1, 6)),
            top_logits.spread(flat, 6),
        )

    def test_a_small_rest_keeps_its_digits(self):
        # Total minus top would be 0 in float32: the rest is exp(-40) of it.
        x = np.array([[40.0, 0.0, 0.0]], "float32")
        encoded = top_logits.encode(x, 1)
        np.testing.assert_allclose(
            encoded["rest_log_sum_exp"], [np.log(2)], rtol=1e-6
        )

    def test_many_classes_fit_into_memory(self):
        x = logits(64, 50_000)
        spread = top_logits.spread(top_logits.encode(x, 20), 50_000)
        np.testing.assert_array_equal(
            np.argmax(spread, axis=-1), np.argmax(x, axis=-1)
        )


if __name__ == "__main__":
    absltest.main()
