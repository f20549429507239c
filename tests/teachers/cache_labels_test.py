"""Caches of augmented images, with labels that follow the pixels."""

import keras
import numpy as np
from absl.testing import absltest
from keras import layers

import keras_kd
from keras_kd.teachers import Augmentation
from tests import support

HEIGHT, WIDTH = 12, 16


class CacheTest(absltest.TestCase):
    def test_pairs_fit_in_every_view_and_the_teacher_saw_them(self):
        random = np.random.default_rng(0)
        x = random.random((5, HEIGHT, WIDTH, 1)).astype("float32")
        y = {"mask": (x[..., 0] > 0.5).astype("int32"), "class": np.arange(5)}
        weights = {"mask": x[..., 0], "class": np.ones(5, "float32")}
        teacher = keras.Sequential(
            [keras.Input((HEIGHT, WIDTH, 1)), layers.Conv2D(2, 1)]
        )
        augmentation = Augmentation(
            layers.RandomFlip(), labels={"mask": "mask", "class": None}
        )
        folder = support.folder(self)
        keras_kd.teachers.cache_teacher(
            teacher,
            (x, y, weights),
            folder,
            dtype="float32",
            views=3,
            augmentation=augmentation,
            verbose=0,
        )
        # The folder tells what the labels are.
        cached = keras_kd.teachers.CachedTeacher(folder)
        flipped = 0
        for number, (entry, label, weight) in enumerate(
            cached.attach((x, y, weights))
        ):
            image, reserved = keras_kd.batch.split(entry)
            image = image.numpy()
            np.testing.assert_array_equal(label["mask"], image[..., 0] > 0.5)
            np.testing.assert_array_equal(weight["mask"], image[..., 0])
            self.assertEqual(label["class"], number % 5)
            rows = reserved["teacher"]
            rows = keras.tree.map_structure(lambda row: row[None], rows)
            np.testing.assert_allclose(
                cached.read(rows)[0], teacher(image[None]), rtol=1e-5, atol=1e-6
            )
            flipped += not np.array_equal(image, x[number % 5])
        self.assertBetween(flipped, 1, 14)

    def test_masks_of_another_size_are_refused_before_the_teacher_runs(self):
        x = np.zeros((2, 8, 8, 1), "float32")
        teacher = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten()])
        with self.assertRaisesRegex(ValueError, "a label for each pixel"):
            keras_kd.teachers.cache_teacher(
                teacher,
                (x, np.zeros((2, 4, 4), int)),
                support.folder(self),
                augmentation=Augmentation(layers.RandomFlip(), labels="mask"),
                verbose=0,
            )


if __name__ == "__main__":
    absltest.main()
