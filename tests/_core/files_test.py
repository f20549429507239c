"""Files are there as a whole or not at all."""

import os

from absl.testing import absltest

from keras_kd._core import files
from tests import support


class WholeFilesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = support.folder(self) / "file.json"

    def test_what_is_written_can_be_read(self):
        value = {"a": [1, 2.5, None], "ß": "x"}
        files.write_json(self.path, value)
        self.assertEqual(files.read_json(str(self.path)), value)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_a_file_that_is_not_there_is_none(self):
        self.assertIsNone(files.read_json(self.path))

    def test_an_error_in_the_middle_leaves_the_file_as_it_was(self):
        files.write_json(self.path, 1)
        for error in (OSError, KeyboardInterrupt):
            with self.assertRaises(error):
                with files.written(self.path) as partial:
                    partial.write_text("2")
                    raise error
            self.assertEqual(files.read_json(self.path), 1)
            self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_until_the_end_the_file_is_as_it_was(self):
        files.write_json(self.path, 1)
        with files.written(self.path) as partial:
            partial.write_text("2")
            self.assertEqual(partial.suffix, ".json")
            self.assertEqual(files.read_json(self.path), 1)
        self.assertEqual(files.read_json(self.path), 2)

    def test_a_file_of_the_user_beside_it_is_left_alone(self):
        beside = self.path.with_name("partial_file.json")
        beside.write_text("mine")
        files.write_json(self.path, 1)
        self.assertEqual(beside.read_text(), "mine")

    def test_a_link_is_refused_and_not_followed(self):
        target = self.path.with_name("mine.txt")
        target.write_text("mine")
        self.path.symlink_to(target)
        with self.assertRaisesRegex(
            ValueError, "file.json' must be a file.*a link to"
        ):
            files.write_json(self.path, 1)
        self.assertTrue(self.path.is_symlink())
        self.assertEqual(target.read_text(), "mine")

    def test_what_a_killed_process_left_is_cleared(self):
        # Numbers of processes end below this one.
        left = self.path.with_name("partial_4194305_0123abcd_file.json")
        other = self.path.with_name("partial_4194305_0123abcd_other.json")
        parent = f"partial_{os.getppid()}_0123abcd_file.json"
        running = self.path.with_name(parent)
        for path in (left, other, running):
            path.write_text("half")
        files.write_json(self.path, 1)
        self.assertCountEqual(
            self.path.parent.iterdir(), [self.path, other, running]
        )


if __name__ == "__main__":
    absltest.main()
