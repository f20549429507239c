import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support

LAYERS = {
    "brightness": lambda: keras.layers.RandomBrightness(0.5, (0, 1)),
    "contrast": lambda: keras.layers.RandomContrast(0.9, value_range=(0, 1)),
    "crop": lambda: keras.layers.RandomCrop(5, 5),
    "flip": lambda: keras.layers.RandomFlip(),
    "noise": lambda: keras.layers.GaussianNoise(0.3),
    "rotation": lambda: keras.layers.RandomRotation(0.5),
    "several": lambda: keras.layers.RandAugment((0, 1)),
    "translation": lambda: keras.layers.RandomTranslation(0.5, 0.5),
    "zoom": lambda: keras.layers.RandomZoom(0.7),
}
IMAGE = np.random.default_rng(0).random((8, 8, 3)).astype("float32")


def in_graph(augmentation, seeds):
    """The image under each seed, as an input pipeline makes it."""
    data = tf.data.Dataset.from_tensor_slices(np.array(seeds, "int32"))
    return np.stack([x for x in data.map(lambda s: augmentation(IMAGE, s))])


class AugmentationTest(parameterized.TestCase):
    @parameterized.named_parameters(*((name, name) for name in LAYERS))
    def test_pixels_follow_from_the_seed(self, name):
        augmentation = keras_kd.teachers.Augmentation(LAYERS[name]())
        seeds = [(7, index) for index in range(8)]
        first = in_graph(augmentation, seeds)
        np.testing.assert_array_equal(first, in_graph(augmentation, seeds))
        # Another order, and another object with its own generators.
        other = keras_kd.teachers.Augmentation(LAYERS[name]())
        backwards = in_graph(other, seeds[::-1])
        np.testing.assert_array_equal(first, backwards[::-1])
        distinct = {x.tobytes() for x in first}
        self.assertGreater(len(distinct), 1)

    def test_both_halves_of_the_seed_count(self):
        augmentation = keras_kd.teachers.Augmentation(LAYERS["rotation"]())
        first, second, third = in_graph(augmentation, [(1, 2), (1, 3), (2, 2)])
        self.assertFalse(np.array_equal(first, second))
        self.assertFalse(np.array_equal(first, third))

    def test_draws_of_one_example_differ(self):
        # Equal layers with equal draws would bring a flipped image back.
        layers = [keras.layers.RandomFlip("horizontal") for _ in range(2)]
        augmentation = keras_kd.teachers.Augmentation(layers)
        seeds = [(3, index) for index in range(20)]
        is_back = [
            np.array_equal(x, IMAGE) for x in in_graph(augmentation, seeds)
        ]
        self.assertGreater(sum(is_back), 2)
        self.assertLess(sum(is_back), 18)

    def test_layers_go_on_as_before(self):
        layer = keras.layers.RandomFlip(seed=1)
        before = support.values([layer.generator.state])
        keras_kd.teachers.Augmentation(layer)(IMAGE, (1, 2))
        after = support.values([layer.generator.state])
        np.testing.assert_array_equal(before, after)

    def test_config_makes_an_equal_one(self):
        augmentation = keras_kd.teachers.Augmentation(LAYERS["contrast"]())
        config = keras.saving.serialize_keras_object(augmentation)
        again = keras.saving.deserialize_keras_object(config)
        np.testing.assert_array_equal(
            augmentation(IMAGE, (1, 2)), again(IMAGE, (1, 2))
        )

    def test_refuses_no_layer(self):
        with self.assertRaisesRegex(ValueError, r"at least one.*layers=\[\]"):
            keras_kd.teachers.Augmentation([])

    def test_refuses_what_is_no_layer(self):
        with self.assertRaisesRegex(TypeError, "must contain layers.*of type"):
            keras_kd.teachers.Augmentation([np.flip])


support.mark_slow(AugmentationTest, "test_pixels_follow_from_the_seed_several")


if __name__ == "__main__":
    absltest.main()
