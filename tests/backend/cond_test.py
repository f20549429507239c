"""A choice by a tensor's value, on every backend."""

import keras
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import backend


def halved_if_large(x):
    """An input whose sum is above 1 is halved, another is negated."""
    return backend.cond(ops.sum(x) > 1, lambda: x / 2, lambda: -x)


class CondTest(parameterized.TestCase):
    @parameterized.parameters((4.0, 2.0), (0.5, -0.5))
    def test_the_value_chooses(self, given, expected):
        x = ops.convert_to_tensor([given])
        self.assertEqual(float(halved_if_large(x)[0]), expected)
        self.assertEqual(
            float(backend.compiled(halved_if_large)(x)[0]), expected
        )

    def test_a_tensor_without_values_has_a_shape(self):
        x = keras.KerasTensor((3,), "float32")
        output = keras.Function([x], keras.layers.Lambda(halved_if_large)(x))
        self.assertEqual(output.compute_output_spec([x]).shape, (3,))


if __name__ == "__main__":
    absltest.main()
