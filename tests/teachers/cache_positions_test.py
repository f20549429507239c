"""An augmentation that moves pixels is refused where labels have places."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.teachers import Augmentation
from keras_kd.teachers import moving_layers
from keras_kd.teachers._cache import positions
from tests import support

X = np.random.default_rng(0).random((8, 6, 6, 1)).astype("float32")
MASKS = (X[..., 0] > 0.5).astype("int32")
BOXES = np.zeros((8, 3, 4), "float32")
CLASSES = np.arange(8) % 2
MAKE = {
    "AugMix": lambda: keras.layers.AugMix((0, 1)),
    "CenterCrop": lambda: keras.layers.CenterCrop(6, 6),
    "ContrastLimitedAdaptiveHistogramEqualization": (
        lambda: keras.layers.ContrastLimitedAdaptiveHistogramEqualization(
            (0, 1)
        )
    ),
    "Dropout": lambda: keras.layers.Dropout(0.1),
    "GaussianDropout": lambda: keras.layers.GaussianDropout(0.1),
    "GaussianNoise": lambda: keras.layers.GaussianNoise(0.1),
    "RandomBrightness": lambda: keras.layers.RandomBrightness(0.1, (0, 1)),
    "RandomColorDegeneration": (
        lambda: keras.layers.RandomColorDegeneration(0.1, (0, 1))
    ),
    "RandomContrast": lambda: keras.layers.RandomContrast(0.1),
    "RandomCrop": lambda: keras.layers.RandomCrop(6, 6),
    "RandomHue": lambda: keras.layers.RandomHue(0.1, (0, 1)),
    "RandomPosterization": lambda: keras.layers.RandomPosterization(4, (0, 1)),
    "RandomRotation": lambda: keras.layers.RandomRotation(0.1),
    "RandomSaturation": lambda: keras.layers.RandomSaturation(0.1, (0, 1)),
    "RandomSharpness": lambda: keras.layers.RandomSharpness(0.1, (0, 1)),
    "RandomTranslation": lambda: keras.layers.RandomTranslation(0.1, 0.1),
    "RandomZoom": lambda: keras.layers.RandomZoom(0.1),
    "Rescaling": lambda: keras.layers.Rescaling(2.0),
    "Resizing": lambda: keras.layers.Resizing(6, 6),
}


def layer(name):
    """A layer of Keras, by its name."""
    return MAKE.get(name, getattr(keras.layers, name))()


def flip():
    return keras.layers.RandomFlip("horizontal")


def brightness():
    return keras.layers.RandomBrightness(0.2, (0, 1))


def teacher():
    return keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 1)], name="teacher"
    )


class TableTest(parameterized.TestCase):
    @parameterized.parameters(*moving_layers.STAY)
    def test_layers_that_change_colours_move_nothing(self, name):
        self.assertEqual(positions.moving(Augmentation(layer(name))), "")

    @parameterized.parameters(*moving_layers.MOVE)
    def test_layers_that_move_pixels_are_named(self, name):
        found = positions.moving(Augmentation([brightness(), layer(name)]))
        self.assertEqual(found, f"`{name}`, which moves pixels")

    def test_every_preprocessing_layer_of_keras_is_in_the_table(self):
        # A new one counts as unknown, until somebody has looked at it.
        known = {
            *moving_layers.STAY,
            *moving_layers.MOVE,
            *moving_layers.CONTAINERS,
        }
        module = keras.layers.RandomFlip.__module__.rpartition(".")[0]
        images = {
            name
            for name, kind in vars(keras.layers).items()
            if getattr(kind, "__module__", "").startswith(module)
        }
        # It changes boxes, and no image.
        self.assertSetEqual(images - known, {"MaxNumBoundingBoxes"})

    def test_the_layers_in_a_pipeline_count(self):
        for kind in (keras.layers.Pipeline, keras.Sequential):
            moves = Augmentation(kind([brightness(), flip()]))
            stays = Augmentation(kind([brightness()]))
            self.assertIn("`RandomFlip`", positions.moving(moves))
            self.assertEqual(positions.moving(stays), "")

    def test_what_is_not_known_counts_as_moving_and_can_say_otherwise(self):
        class Own(keras.layers.RandomBrightness):
            pass

        def own(x, seed):
            return x

        made = Own(0.1, (0, 1))
        self.assertRegex(
            positions.moving(Augmentation(made)),
            "the layer `Own`, of which nothing says.*`keeps_positions`",
        )
        self.assertRegex(positions.moving(own), "the function `.*own`, of wh")
        made.keeps_positions = own.keeps_positions = True
        self.assertEqual(positions.moving(Augmentation(made)), "")
        self.assertEqual(positions.moving(own), "")


class CacheTest(parameterized.TestCase):
    def cache(self, data, layers):
        return keras_kd.teachers.cache_teacher(
            self.teacher,
            data,
            support.folder(self),
            augmentation=Augmentation(layers),
            verbose=0,
        )

    def setUp(self):
        super().setUp()
        self.teacher = teacher()

    @parameterized.named_parameters(
        ("masks_of_floats", X[..., 0], r"labels of shape \(6, 6\)"),
        ("one_hot_masks", np.eye(2)[MASKS], r"labels of shape \(6, 6, 2\)"),
        ("boxes", BOXES, r"labels of shape \(3, 4\)"),
        (
            "boxes_in_a_dict",
            {"classes": np.zeros((8, 3)), "boxes": BOXES},
            r"labels 'boxes' of shape \(3, 4\)",
        ),
        (
            "one_box_with_a_name",
            {"class": CLASSES, "bbox": BOXES[:, 0]},
            r"labels 'bbox' of shape \(4,\)",
        ),
        ("keypoints", np.zeros((8, 5, 2)), r"labels of shape \(5, 2\)"),
    )
    def test_labels_with_places_are_refused_before_the_teacher_runs(
        self, y, received
    ):
        slices = tf.data.Dataset.from_tensor_slices
        for data in ((X, y), slices((X, y))):
            with mock.patch.object(keras.Model, "__call__") as call:
                with self.assertRaisesRegex(
                    ValueError,
                    "`augmentation` must leave.*Received: `RandomFlip`, which "
                    f"moves pixels, and dataset with {received} for an "
                    "example. Give .*, augment pairs of both with `dataset.map",
                ):
                    self.cache(data, flip())
            call.assert_not_called()

    def test_ragged_boxes_are_refused(self):
        boxes = tf.RaggedTensor.from_row_lengths(
            np.zeros((8, 4), "float32"), [1, 0, 2, 1, 1, 1, 1, 1]
        )
        data = tf.data.Dataset.from_tensor_slices((X, boxes))
        with self.assertRaisesRegex(ValueError, "`augmentation` must leave"):
            self.cache(data, flip())

    def test_sample_weights_with_places_are_refused(self):
        data = (X, CLASSES, np.ones((8, 6, 6), "float32"))
        with self.assertRaisesRegex(ValueError, r"sample weights of shape \(6"):
            self.cache(data, flip())

    @parameterized.named_parameters(
        ("numbers", CLASSES),
        ("one_hot", np.eye(2)[CLASSES]),
        ("several_outputs", {"kind": CLASSES, "scores": np.eye(3)[CLASSES]}),
    )
    def test_labels_without_places_are_not(self, y):
        self.assertEqual(self.cache((X, y), flip()).num_examples, 8)

    def test_without_labels_nothing_is_refused(self):
        self.assertEqual(self.cache(X, flip()).num_examples, 8)

    def test_colours_leave_masks_as_they_are(self):
        cached = self.cache((X, MASKS), brightness())
        seen = list(cached.attach((X, MASKS)))
        np.testing.assert_array_equal(np.stack([y for _, y in seen]), MASKS)

    def test_boxes_are_refused_also_where_they_come_later(self):
        cached = self.cache(X, flip())
        with self.assertRaisesRegex(
            ValueError, "`augmentation` must leave.*and data with labels"
        ):
            cached.attach((X, BOXES))

    def test_masks_that_come_later_follow(self):
        cached = self.cache(X, flip())
        for element, mask in cached.attach((X, MASKS)):
            np.testing.assert_array_equal(element["x"][..., 0] > 0.5, mask)

    def test_pairs_that_were_augmented_before_can_be_cached(self):
        def both(x, y):
            return x[:, ::-1], y[:, ::-1]

        data = tf.data.Dataset.from_tensor_slices((X, MASKS)).map(both)
        cached = keras_kd.teachers.cache_teacher(
            self.teacher, data, support.folder(self), verbose=0
        )
        for element, mask in cached.attach(data):
            np.testing.assert_array_equal(element["x"][..., 0] > 0.5, mask)


if __name__ == "__main__":
    absltest.main()
