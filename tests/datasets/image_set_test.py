import dataclasses

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import datasets

COUNTS = (40, 20, 4)


def image_set(**changes):
    """Each image is filled with its own number."""
    labels = np.repeat(np.arange(3), COUNTS).astype("int32")
    images = np.arange(64, dtype="float32").reshape(64, 1, 1, 1) / 64
    fields = {
        "name": "numbers",
        "train_images": images,
        "train_labels": labels,
        "test_images": images[:5] + 100,
        "test_labels": labels[:5],
        "class_names": ("a", "b", "c"),
    }
    return datasets.ImageSet(**fields | changes)


class ImageSetTest(absltest.TestCase):
    def test_shape_and_classes(self):
        self.assertEqual(image_set().image_shape, (1, 1, 1))
        self.assertEqual(image_set().num_classes, 3)

    def test_cannot_be_changed(self):
        with self.assertRaises(dataclasses.FrozenInstanceError):
            image_set().name = "other"

    def test_refuses_labels_without_a_class(self):
        # Sets of tensorflow-datasets mark what has no label with -1.
        with self.assertRaisesRegex(
            ValueError, "from 0 to 2.*Received: labels from -1 to -1 in numbers"
        ):
            image_set(test_labels=np.full(5, -1))

    def test_refuses_fewer_labels_than_images(self):
        with self.assertRaisesRegex(ValueError, "5 images and 4 labels"):
            image_set(test_labels=np.zeros(4, int))

    def test_refuses_an_empty_part(self):
        with self.assertRaisesRegex(ValueError, "at least one.*0 images"):
            image_set(
                test_images=np.zeros((0, 1, 1, 1)), test_labels=np.zeros(0)
            )


class TrainingFractionTest(parameterized.TestCase):
    @parameterized.parameters(
        (0.5, [20, 10, 2]), (0.1, [4, 2, 1]), (0.01, [1, 1, 1]), (1, COUNTS)
    )
    def test_takes_the_same_part_of_each_class(self, fraction, expected):
        part = image_set().training_fraction(fraction)
        np.testing.assert_array_equal(np.bincount(part.train_labels), expected)

    def test_images_keep_their_labels_and_the_test_part_stays(self):
        whole, part = image_set(), image_set().training_fraction(0.5, seed=3)
        numbers = (part.train_images[:, 0, 0, 0] * 64).astype(int)
        self.assertLen(set(numbers), 32)
        np.testing.assert_array_equal(
            part.train_labels, whole.train_labels[numbers]
        )
        np.testing.assert_array_equal(part.test_images, whole.test_images)

    def test_seeds_choose(self):
        first, again, other = (
            image_set().training_fraction(0.5, seed).train_images
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, again)
        self.assertFalse(np.array_equal(first, other))

    @parameterized.parameters(0.0, -0.1, 1.1, float("nan"))
    def test_refuses(self, fraction):
        message = f"above 0.*Received: fraction={fraction}"
        with self.assertRaisesRegex(ValueError, message):
            image_set().training_fraction(fraction)


class ValidationSplitTest(parameterized.TestCase):
    def test_both_parts_are_the_training_images(self):
        whole, parts = image_set(), image_set().validation_split(0.25, seed=5)
        np.testing.assert_array_equal(
            np.bincount(parts.test_labels), [10, 5, 1]
        )
        images = np.concatenate([parts.train_images, parts.test_images])
        labels = np.concatenate([parts.train_labels, parts.test_labels])
        order = np.argsort(images[:, 0, 0, 0])
        np.testing.assert_array_equal(images[order], whole.train_images)
        np.testing.assert_array_equal(labels[order], whole.train_labels)

    def test_each_class_stays_on_both_sides(self):
        for fraction in (0.01, 0.99):
            parts = image_set().validation_split(fraction)
            self.assertGreater(min(np.bincount(parts.train_labels)), 0)
            self.assertGreater(min(np.bincount(parts.test_labels)), 0)

    def test_refuses_a_class_with_one_image(self):
        labels = np.repeat([0, 1, 2], [40, 23, 1])
        with self.assertRaisesRegex(ValueError, "two images.*class 'c'"):
            image_set(train_labels=labels).validation_split()

    @parameterized.parameters(0.0, 1.0, float("nan"))
    def test_refuses(self, fraction):
        message = f"between.*Received: fraction={fraction}"
        with self.assertRaisesRegex(ValueError, message):
            image_set().validation_split(fraction)


if __name__ == "__main__":
    absltest.main()
