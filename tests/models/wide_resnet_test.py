import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models
from keras_kd import taps


def trainable_parameters(depth, width):
    """By the definition: images of 3 channels, 10 classes.

    A convolution of size s from a to b channels has s^2 a b weights, a
    normalisation of c channels 2 c, the last layer 10 more than its weights.
    """
    total, before = 9 * 3 * 16, 16
    for channels in (16 * width, 32 * width, 64 * width):
        for _ in range((depth - 4) // 6):
            total += 2 * before + 9 * before * channels
            total += 2 * channels + 9 * channels * channels
            if before != channels:
                total += before * channels
            before = channels
    return total + 2 * before + 10 * before + 10


class WideResnetTest(parameterized.TestCase):
    @parameterized.parameters(
        # Depth, width, and millions as its authors print them.
        (16, 1, 0.2),
        (16, 2, 0.7),
        (40, 1, 0.6),
        (40, 2, 2.2),
    )
    def test_has_the_published_number_of_parameters(
        self, depth, width, millions
    ):
        model = models.wide_resnet((32, 32, 3), 10, depth, width)
        actual = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
        self.assertEqual(actual, trainable_parameters(depth, width))
        self.assertEqual(round(actual / 1e6, 1), millions)

    def test_has_as_many_convolutions_as_its_name_says(self):
        # Of width 2: a shortcut in each group, and one convolution before.
        model = models.wide_resnet((8, 8, 3), 10, depth=22, width=2)
        convolutions = [
            layer
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D)
        ]
        self.assertLen(convolutions, 22)

    @parameterized.parameters((10, 1), (16, 2))
    def test_groups_halve_the_image_and_double_the_channels(self, depth, width):
        model = models.wide_resnet((16, 24, 3), 10, depth, width)
        shapes = [model.get_layer(f"group{n}").output.shape for n in (1, 2, 3)]
        self.assertEqual(
            shapes,
            [
                (None, 16, 24, 16 * width),
                (None, 8, 12, 32 * width),
                (None, 4, 6, 64 * width),
            ],
        )

    def test_taps_are_sums_before_any_activation(self):
        model = models.wide_resnet((8, 8, 3), 4, 10, 1, first_channels=2)
        self.assertContainsSubset(
            ["group1", "group2", "group3"], taps.names(model)
        )
        images = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
        for n in (1, 2, 3):
            layer = model.get_layer(f"group{n}")
            self.assertIsInstance(layer, keras.layers.Add)
            values = keras.Model(model.input, layer.output)(images)
            self.assertLess(np.min(values), 0)

    def test_begins_with_he_initialisation(self):
        keras.utils.set_random_seed(0)
        model = models.wide_resnet((8, 8, 3), 10, 10, width=4)
        for layer in model.layers:
            if isinstance(layer, keras.layers.Conv2D):
                kernel = keras.ops.convert_to_numpy(layer.kernel)
                fan_in = np.prod(kernel.shape[:-1])
                # The relative error of a standard deviation of n numbers is
                # 1 / sqrt(2 n) if they are normal, less if they are bounded.
                self.assertAlmostEqual(
                    kernel.std() * np.sqrt(fan_in / 2),
                    1,
                    delta=4 / np.sqrt(2 * kernel.size),
                    msg=layer.name,
                )

    def test_gives_float32_logits_under_half_precision(self):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = models.wide_resnet((8, 8, 3), 3, 10, 1, first_channels=2)
        finally:
            keras.config.set_dtype_policy(before)
        logits = model(np.ones((2, 8, 8, 3)))
        self.assertEqual(logits.dtype, "float32")
        # Probabilities would sum to 1.
        self.assertGreater(np.abs(np.sum(logits, axis=1) - 1).min(), 1e-3)

    @parameterized.parameters((4, 10), (9, 10), (12, 10), (17, 16))
    def test_rejects_a_depth_without_whole_blocks(self, depth, advice):
        with self.assertRaisesRegex(
            ValueError, rf"`depth` must be 6n \+ 4.*depth={depth}. Try {advice}"
        ):
            models.wide_resnet((8, 8, 3), 10, depth, 1)

    @parameterized.parameters("width", "first_channels")
    def test_rejects_no_channels(self, argument):
        arguments = {"depth": 10, "width": 1} | {argument: 0}
        with self.assertRaisesRegex(
            ValueError, f"`{argument}` must be .*at least 1.*{argument}=0"
        ):
            models.wide_resnet((8, 8, 3), 10, **arguments)

    def test_rejects_vectors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"\(height, width, channels\).*Received: image_shape=\(64,\)",
        ):
            models.wide_resnet((64,), 10, 10, 1)


if __name__ == "__main__":
    absltest.main()
