"""When two teachers are the same."""

import keras
import numpy as np
from absl.testing import absltest

from keras_kd._core.fingerprint import fingerprint
from tests import support


def weight(value, dtype="float32"):
    """A model with one weight."""

    class Holder(keras.Model):
        def __init__(self):
            super().__init__(dtype=dtype)
            self.held = self.add_weight(shape=np.shape(value), dtype=dtype)
            self.held.assign(value)

    return Holder()


class FingerprintTest(absltest.TestCase):
    def test_is_equal_for_equal_weights(self):
        first, second = support.dense(4), support.dense(4)
        self.assertNotEqual(fingerprint(first), fingerprint(second))
        second.set_weights(first.get_weights())
        self.assertEqual(fingerprint(first), fingerprint(second))
        self.assertLen(fingerprint(first), 16)

    def test_changes_with_one_bit(self):
        model = support.dense(4)
        before = fingerprint(model)
        kernel = model.get_layer("hidden").kernel
        kernel.assign(np.nextafter(kernel.numpy(), np.float32(9)))
        self.assertNotEqual(fingerprint(model), before)

    def test_changes_with_a_weight_that_is_not_trained(self):
        norm = keras.layers.BatchNormalization()
        model = keras.Sequential([keras.Input((3,)), norm])
        before = fingerprint(model)
        norm.moving_mean.assign([0.0, 0.0, 1e-3])
        self.assertNotEqual(fingerprint(model), before)

    def test_sees_shapes_and_dtypes(self):
        # The bytes are zeros in all.
        models = [
            weight(np.zeros((2, 3))),
            weight(np.zeros((3, 2))),
            weight(np.zeros((6,))),
            weight(np.zeros((3,)), "float64"),
            weight(np.zeros((12,)), "bfloat16"),
            weight(np.zeros((12,)), "float16"),
        ]
        self.assertLen({fingerprint(model) for model in models}, 6)

    def test_sees_the_order(self):
        a, b = np.ones(2), np.zeros(2)
        first = keras.Sequential([weight(a), weight(b)])
        second = keras.Sequential([weight(b), weight(a)])
        self.assertNotEqual(fingerprint(first), fingerprint(second))

    def test_names_do_not_count(self):
        first, second = support.dense(4, name="a"), support.dense(4, name="b")
        second.set_weights(first.get_weights())
        self.assertEqual(fingerprint(first), fingerprint(second))


if __name__ == "__main__":
    absltest.main()
