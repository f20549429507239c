import dataclasses
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import datasets
from keras_kd.cli._bench import data_sets
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.datasets import sizes
from tests import support
from tests.cli import small_jobs


class LoadTest(parameterized.TestCase):
    """What the library says of arguments is said of flags."""

    def test_unknown_name(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--dataset` must be a set of tensorflow-datasets.*Received: "
            "--dataset='mnits'",
        ):
            data_sets.load(Settings(dataset="mnits"))

    def test_folder_without_classes(self):
        folder = support.folder(self)
        with self.assertRaisesRegex(
            UnusableError,
            "`--dataset` must have a sub-folder.*Received: --dataset='/",
        ):
            data_sets.load(Settings(dataset=str(folder)))

    def test_a_set_that_is_not_there_and_no_network(self):
        folder = support.folder(self)
        with mock.patch("urllib.request.urlopen", side_effect=OSError("none")):
            with self.assertRaisesRegex(
                UnusableError,
                "`--dataset` must be a set on disk.*Set `--data_dir` or",
            ):
                data_sets.load(Settings(dataset="mnist", data_dir=str(folder)))

    def test_what_has_no_flag(self):
        error = ValueError("`split` must be another. Received: this.")
        with mock.patch.object(datasets, "load", side_effect=error):
            with self.assertRaisesRegex(
                UnusableError, "no flag for it: load the set in a script"
            ):
                data_sets.load(Settings())

    def test_size_and_limit_are_those_of_the_flags(self):
        with mock.patch.object(datasets, "load") as load:
            data_sets.load(
                Settings(dataset="mine", image_size="48x64", limit=300)
            )
        load.assert_called_once_with(
            "mine", data_dir=None, image_size=(48, 64), limit=300
        )

    def test_a_limit_that_is_too_low(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--limit` must be an integer of at least 30 here.* --limit=29",
        ):
            data_sets.load(Settings(limit=29))

    def test_more_than_fits_in_memory(self):
        with self.assertRaisesRegex(
            UnusableError,
            "^`--image_size` must.*Choose a smaller size.*with `--limit`",
        ):
            with mock.patch.object(
                datasets,
                "load",
                lambda *_, **__: sizes.check_memory("x", 10**6, (64, 64, 3)),
            ):
                data_sets.load(Settings())

    def test_all_broken_images_are_named(self):
        folder = support.folder(self)
        for name in ("a/1.png", "a/2.jpg", "b/3.gif", "b/4.bmp"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("no image")
        with self.assertRaises(UnusableError) as caught:
            data_sets.load(Settings(dataset=str(folder)))
        text = str(caught.exception)
        self.assertStartsWith(text, "`--dataset` must have images only that")
        for name in ("a/1.png", "a/2.jpg", "b/3.gif", "b/4.bmp"):
            self.assertIn(f"\n  {folder}/{name} (", text)

    def test_class_with_a_single_image(self):
        data = small_jobs.data()
        keeps = np.concatenate([np.flatnonzero(data.train_labels < 2), [2]])
        data = dataclasses.replace(
            data,
            train_images=data.train_images[keeps],
            train_labels=data.train_labels[keeps],
        )
        with self.assertRaisesRegex(
            UnusableError, "`--dataset` must have two images of each class"
        ):
            data_sets.hold_out(data)


class FillInTest(parameterized.TestCase):
    """Defaults that depend on the number of images."""

    @parameterized.parameters(
        # The digits, and MNIST, with a fifth held out.
        ("digits", 961, 0.05, 10),
        ("mnist", 48_000, 0.05, 10),
        # All of few; 3 and 4 updates an epoch, 150 in all.
        ("mine", 190, 1.0, 50),
        ("mine", 240, 1.0, 38),
        ("mine", 1_000, 1.0, 10),
        # 1,000 of more.
        ("mine", 4_000, 0.25, 10),
        ("mine", 20_000, 0.05, 10),
    )
    def test_of_a_set(self, dataset, count, fraction, epochs):
        tuning = mock.Mock(train_labels=range(count))
        found = data_sets.fill_in(Settings(dataset=dataset), tuning)
        self.assertEqual((found.fraction, found.epochs), (fraction, epochs))

    def test_what_was_given_stays(self):
        settings = Settings(dataset="mine", fraction=0.3, epochs=2)
        tuning = mock.Mock(train_labels=range(190))
        self.assertEqual(data_sets.fill_in(settings, tuning), settings)


if __name__ == "__main__":
    absltest.main()
