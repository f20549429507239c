import dataclasses
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import datasets
from keras_kd.cli._bench import data_sets
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
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

    @parameterized.parameters("split", "image_size")
    def test_what_has_no_flag(self, argument):
        error = ValueError(f"`{argument}` must be another. Received: this.")
        with mock.patch.object(datasets, "load", side_effect=error):
            with self.assertRaisesRegex(
                UnusableError, "no flag for it: load the set in a script"
            ):
                data_sets.load(Settings())

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


if __name__ == "__main__":
    absltest.main()
