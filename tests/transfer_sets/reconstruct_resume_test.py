"""A reconstruction in a folder, which goes on where it was interrupted."""

import shutil
import tempfile
import unittest.mock

import numpy as np
from absl.testing import absltest

from keras_kd import transfer_sets
from keras_kd.transfer_sets._activations import maker
from tests import support
from tests.transfer_sets import small_teachers
from tests.transfer_sets.small_teachers import make


class ResumeTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher = small_teachers.net(6, 5, 3)
        cls.records = small_teachers.records(
            cls.teacher, transfer_sets.AllLayers()
        )
        cls.whole = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.expected = cls.run_in(cls.whole)

    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    @classmethod
    def run_in(cls, folder, **changed):
        arguments = {"steps": 5, "dropout": 0.5, "directory": folder}
        return make(cls.teacher, cls.records, **arguments | changed)

    def run_in_folder(self, **changed):
        return self.run_in(self.folder, **changed)

    def finish(self):
        """Puts the run that all tests share into the folder."""
        shutil.copytree(self.whole, self.folder, dirs_exist_ok=True)

    def interrupt_after(self, count):
        """Runs until so many batches were made; then comes Ctrl-C."""
        optimise = maker.Pixels.optimise
        calls = []

        def counted(*args):
            if len(calls) == count:
                raise KeyboardInterrupt
            calls.append(None)
            return optimise(*args)

        with (
            unittest.mock.patch.object(maker.Pixels, "optimise", counted),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.run_in_folder()

    def test_interrupted_anywhere_it_ends_as_uninterrupted(self):
        for count in (0, 2, 3):
            self.interrupt_after(count)
        self.assertLen(list(self.folder.glob("*.npz")), 5)
        resumed = self.run_in_folder()
        np.testing.assert_array_equal(resumed.x, self.expected.x)
        self.assertEqual(resumed.history, self.expected.history)

    def test_finished_batches_are_not_made_again(self):
        self.finish()
        with unittest.mock.patch.object(maker.Pixels, "optimise") as optimise:
            again = self.run_in_folder()
        optimise.assert_not_called()
        np.testing.assert_array_equal(again.x, self.expected.x)

    def test_refuses_the_directory_of_another_run(self):
        self.finish()
        for changed in ({"steps": 6}, {"seed": 1}, {"dropout": 0.25}):
            with self.assertRaisesRegex(ValueError, "`directory` must be emp"):
                self.run_in_folder(**changed)

    def test_a_damaged_batch_is_named_and_made_again(self):
        self.finish()
        path = self.folder / "class_1_batch_0.npz"
        path.write_bytes(path.read_bytes()[:-9])
        with self.assertWarnsRegex(UserWarning, "class_1_batch_0.*made again"):
            again = self.run_in_folder()
        np.testing.assert_array_equal(again.x, self.expected.x)
        with unittest.mock.patch.object(maker.Pixels, "optimise") as optimise:
            self.run_in_folder()
        optimise.assert_not_called()


if __name__ == "__main__":
    absltest.main()
