import io
import os
import unittest
import urllib.error
from unittest import mock

import numpy as np
import tensorflow_datasets as tfds
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import datasets
from tests import support

TFDS_DATA_DIR = os.environ.get("TFDS_DATA_DIR", "")


def needs(name):
    """Leaves a test out where tensorflow-datasets has no such set on disk."""
    return unittest.skipUnless(
        TFDS_DATA_DIR and os.path.isdir(os.path.join(TFDS_DATA_DIR, name)),
        f"TFDS_DATA_DIR has no {name}.",
    )


class Made(tfds.core.GeneratorBasedBuilder):
    """Base of sets that are made on the spot, without a network."""

    VERSION = tfds.core.Version("1.0.0")
    # Sizes of the splits.
    SPLITS = {"train": 6, "validation": 3}
    SHAPE = (4, 5, 1)
    CLASSES = 3

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=self.SHAPE),
                    "label": tfds.features.ClassLabel(num_classes=self.CLASSES),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {
            name: self._generate_examples(count)
            for name, count in self.SPLITS.items()
        }

    def _generate_examples(self, count):
        for number in range(count):
            yield number, self.example(number)

    def example(self, number):
        shape = [n or 3 + number for n in self.SHAPE]
        image = np.full(shape, 51 * (number % 3), "uint8")
        return {"image": image, "label": number % 3}


class KerasKdMade(Made):
    """Images of one size."""


class KerasKdMadeOfManySizes(Made):
    """Images whose size differs."""

    SHAPE = (None, None, 3)


class KerasKdMadeOfMany(Made):
    """More images than one wants."""

    SPLITS = {"train": 20, "test": 10}


class KerasKdMadeInOnePart(Made):
    """No part for testing."""

    SPLITS = {"train": 6}


class KerasKdMadeWithoutLabels(Made):
    """A test part without labels."""

    SPLITS = {"train": 6, "test": 3}

    def example(self, number):
        return super().example(number) | {"label": -1}


class KerasKdMadeByHand(Made):
    """Needs files that nobody has put there."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = "Ask its author."

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(len(dl_manager.manual_dir))}


class KerasKdMadeOfSentences(Made):
    """No images."""

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(),
                    "label": tfds.features.ClassLabel(num_classes=3),
                }
            ),
            supervised_keys=("text", "label"),
        )


class ByNameTest(parameterized.TestCase):
    def load(self, name="keras_kd_made", **options):
        folder = support.folder(self)
        return datasets.load(name, data_dir=folder, **options)

    def test_prepares_and_reads(self):
        data = self.load()
        self.assertEqual(data.image_shape, (4, 5, 1))
        self.assertEqual(data.class_names, ("0", "1", "2"))
        np.testing.assert_array_equal(np.bincount(data.train_labels), [2, 2, 2])
        np.testing.assert_array_equal(np.bincount(data.test_labels), [1, 1, 1])
        # Label n goes with the grey 51 n, which is n / 5.
        for images, labels in (
            (data.train_images, data.train_labels),
            (data.test_images, data.test_labels),
        ):
            np.testing.assert_allclose(
                images,
                np.broadcast_to(labels[:, None, None, None] / 5, images.shape),
                rtol=1e-6,
            )

    def test_reads_a_set_on_disk_without_a_network(self):
        folder = support.folder(self)
        datasets.load("keras_kd_made", data_dir=folder)
        with mock.patch("urllib.request.urlopen", side_effect=AssertionError):
            data = datasets.load(
                "keras_kd_made", data_dir=folder, download=False
            )
        self.assertLen(data.train_images, 6)

    def test_splits_can_be_sliced(self):
        data = self.load(split=("train[:4]", "train[4:]"))
        self.assertLen(data.train_images, 4)
        self.assertLen(data.test_images, 2)
        self.assertIn("train[:4] and train[4:]", data.note)

    def test_resizes(self):
        data = self.load(image_size=(2, 3))
        self.assertEqual(data.image_shape, (2, 3, 1))

    def test_different_sizes_become_64(self):
        data = self.load("keras_kd_made_of_many_sizes")
        self.assertEqual(data.image_shape, (64, 64, 3))

    def test_a_limit_takes_the_first_of_each_split(self):
        folder = support.folder(self)
        every, data = (
            datasets.load("keras_kd_made_of_many", data_dir=folder, limit=limit)
            for limit in (None, 15)
        )
        # Of 20 and 10, 3 each for the classes, then alike of the other 17 and
        # 7: 17 * 9 / 24 = 6.4.
        self.assertLen(data.train_labels, 9)
        self.assertLen(data.test_labels, 6)
        np.testing.assert_array_equal(data.train_labels, every.train_labels[:9])

    @needs("mnist")
    def test_mnist(self):
        data = datasets.load(
            "mnist", split=("train[:200]", "test[:50]"), download=False
        )
        self.assertEqual(data.train_images.shape, (200, 28, 28, 1))
        self.assertEqual(data.test_images.shape, (50, 28, 28, 1))
        self.assertLen(set(data.train_labels), 10)
        self.assertEqual(
            (data.train_images.min(), data.train_images.max()), (0, 1)
        )

    @needs("cifar100")
    def test_cifar100_has_its_fine_classes(self):
        data = datasets.load(
            "cifar100", split=("train[:50]", "test[:50]"), download=False
        )
        self.assertEqual(data.image_shape, (32, 32, 3))
        self.assertEqual(data.num_classes, 100)
        self.assertEqual(data.class_names[0], "apple")


class BadNameTest(parameterized.TestCase):
    def assert_refused(self, name, message, **options):
        with self.assertRaisesRegex(ValueError, message):
            datasets.load(name, data_dir=support.folder(self), **options)

    def test_unknown_name_brings_the_nearest(self):
        self.assert_refused(
            "mnits", "Received: name='mnits'. Did you mean mnist"
        )
        self.assert_refused("digit", "Did you mean digits")

    def test_unknown_name_like_no_other(self):
        self.assert_refused(
            "qqqqqqqq", "or an existing folder.*'qqqqqqqq'. All"
        )

    def test_unknown_version(self):
        self.assert_refused(
            "mnist:9.9.9", "version.*Received: name='mnist:9.9.9'"
        )

    def test_no_images(self):
        self.assert_refused(
            "keras_kd_made_of_sentences",
            "images with one label.*Received:.*Text and ClassLabel",
        )

    def test_unknown_split(self):
        self.assert_refused(
            "keras_kd_made",
            "train, validation. Received: 'trian'",
            split=("trian", "validation"),
        )

    def test_one_split(self):
        self.assert_refused(
            "keras_kd_made", "a pair.*split='train'", split="train"
        )

    def test_no_part_for_testing(self):
        self.assert_refused(
            "keras_kd_made_in_one_part",
            r"Received: 'test'. Slice one: \(\"train\[:80%\]\"",
        )

    def test_part_without_labels(self):
        self.assert_refused(
            "keras_kd_made_without_labels", "from 0 to 2.*from -1 to -1"
        )

    def test_not_on_disk(self):
        self.assert_refused(
            "mnist",
            "Received: download=False, and no mnist.*TFDS_DATA_DIR.*digits",
            download=False,
        )

    @parameterized.parameters(
        urllib.error.URLError("no route"), TimeoutError("no route")
    )
    def test_no_network(self, error):
        with mock.patch("urllib.request.urlopen", side_effect=error) as opened:
            self.assert_refused(
                "mnist",
                "no network. Received: mnist/.* no answer from https://.*/ "
                r"\(no route\).*TFDS_DATA_DIR.*digits",
            )
        self.assertLessEqual(opened.call_args.kwargs["timeout"], 10)

    def test_a_server_that_answers_is_asked_for_the_set(self):
        answer = urllib.error.HTTPError(
            "https://a.b/", 404, "?", {}, io.BytesIO()
        )
        with (
            mock.patch("urllib.request.urlopen", side_effect=answer),
            mock.patch.object(
                tfds.core.DatasetBuilder,
                "download_and_prepare",
                side_effect=OSError("disk full"),
            ),
        ):
            self.assert_refused("mnist", "downloaded.*OSError: disk full")

    def test_files_to_be_fetched_by_hand(self):
        self.assert_refused("keras_kd_made_by_hand", "Ask its author")


if __name__ == "__main__":
    absltest.main()
