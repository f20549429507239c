"""The projector of SimKD."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.procedures._reuse_classifier.bottleneck import bottleneck
from keras_kd.procedures._reuse_classifier.bottleneck import is_rectified


def projector(student_shape, teacher_shape, reduction=2, **kwargs):
    student_shape, teacher_shape = (
        (None, *student_shape),
        (None, *teacher_shape),
    )
    return bottleneck(
        student_shape, teacher_shape, reduction, "float32", **kwargs
    )


class BottleneckTest(parameterized.TestCase):
    @parameterized.parameters(
        ((6,), (8,)),
        ((7, 6), (7, 8)),
        ((None, 6), (None, 8)),
        ((2, 3, 4, 6), (2, 3, 4, 8)),
        ((5, 5, 6), (5, 5, 8)),
        ((None, None, 6), (None, None, 8)),
        ((8, 10, 6), (4, 5, 8)),
        ((9, 9, 6), (4, 4, 8)),
        ((4, 4, 6), (9, 8, 8)),
        ((7, 7, 6), (4, 4, 8)),
    )
    def test_leads_to_the_shape_of_the_teacher(self, student, teacher):
        made = projector(student, teacher)
        self.assertEqual(made.output_shape, (None, *teacher))

    @parameterized.parameters((1, 8), (2, 4), (4, 2), (16, 1))
    def test_has_few_channels_in_the_middle(self, reduction, narrow):
        made = projector((5, 5, 6), (5, 5, 8), reduction)
        kernels = [w.shape for w in made.weights if len(w.shape) == 4]
        self.assertEqual(
            kernels,
            [(1, 1, 6, narrow), (3, 3, narrow, narrow), (1, 1, narrow, 8)],
        )
        # Four numbers of each channel are of the batch normalisation.
        others = sum(np.prod(w.shape) for w in made.weights) - sum(
            np.prod(kernel) for kernel in kernels
        )
        self.assertEqual(others, 4 * (narrow + narrow + 8))

    def test_ends_in_a_rectifier_where_the_teacher_does(self):
        keras.utils.set_random_seed(0)
        x = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
        rectified = projector((6,), (8,))
        self.assertEqual(np.min(rectified(x)), 0)
        linear = projector((6,), (8,), is_rectified=False)
        self.assertLess(np.min(linear(x)), 0)

    def test_pools_a_larger_map(self):
        made = projector((4, 4, 6), (2, 2, 8))
        x = np.random.default_rng(0).normal(size=(1, 4, 4, 6))
        means = x.reshape(1, 2, 2, 2, 2, 6).mean((2, 4))
        # Equal means are all that it sees.
        equal = means.repeat(2, axis=1).repeat(2, axis=2)
        np.testing.assert_allclose(made(x), made(equal), rtol=1e-4, atol=1e-6)

    @parameterized.named_parameters(
        ("rank", (5, 6), (8,), "axes"),
        ("steps", (5, 6), (7, 8), "positions"),
        ("size", (None, 5, 6), (4, 4, 8), "sizes must be known"),
    )
    def test_refuses(self, student, teacher, message):
        with self.assertRaisesRegex(ValueError, f"`student_tap`.*{message}"):
            projector(student, teacher)


class IsRectifiedTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("activation", keras.layers.Dense(2, "relu"), True),
        ("six", keras.layers.Activation("relu6"), True),
        ("layer", keras.layers.ReLU(), True),
        ("leaky", keras.layers.ReLU(negative_slope=0.1), False),
        ("linear", keras.layers.Dense(2), False),
        ("other", keras.layers.Dense(2, "tanh"), False),
    )
    def test_tells_by_the_layer(self, layer, expected):
        model = keras.Sequential([keras.Input((2,)), layer])
        self.assertEqual(is_rectified(model, layer.name), expected)


if __name__ == "__main__":
    absltest.main()
