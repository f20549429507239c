"""What is not ours is neither deleted nor written over."""

import os
import pathlib

from absl.testing import absltest

from keras_kd._core import own_files
from tests import support

OURS = {
    r"settings\.json": own_files.begins('{"ours":'),
    r"lock": own_files.empty,
    r"part_\d+/(weights)?": own_files.anything,
}


class OwnFilesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.elsewhere = support.folder(self) / "mine.txt"
        self.elsewhere.write_text("mine")

    def write(self, name, text="mine"):
        path = self.folder / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def link(self, name):
        path = self.folder / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(self.elsewhere)
        return path

    def write_all_of_ours(self):
        self.write("settings.json", '{\n  "ours": 1}')
        self.write("lock", "")
        self.write("part_1/weights")
        self.write("part_1/partial_12_0123abcd_weights", "half")
        (self.folder / "run" / "part_2").mkdir(exist_ok=True)

    def assert_kept(self, regex):
        before = sorted(self.folder.rglob("*"))
        with self.assertRaisesRegex(ValueError, regex):
            own_files.remove_folder(self.folder / "run", OURS)
        self.assertEqual(sorted(self.folder.rglob("*")), before)
        self.assertEqual(self.elsewhere.read_text(), "mine")

    def test_a_folder_of_ours_is_removed(self):
        self.write_all_of_ours()
        own_files.remove_folder(self.folder / "run", OURS)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_a_folder_that_is_not_there_is_removed_already(self):
        own_files.remove_folder(self.folder / "run", OURS)

    def test_a_file_of_the_user_keeps_the_whole_folder(self):
        self.write_all_of_ours()
        self.write("part_1/notes.txt")
        self.assert_kept("nothing but what.*Received: part_1/notes.txt. Move")

    def test_a_file_of_our_name_with_other_content_keeps_it_too(self):
        for name in ("settings.json", "lock"):
            self.write_all_of_ours()
            self.write(name, '{"theirs": 1}')
            self.assert_kept(f"Received: {name}. Move")

    def test_an_empty_folder_of_the_user_keeps_it_too(self):
        self.write_all_of_ours()
        (self.folder / "run" / "thesis").mkdir()
        self.assert_kept("Received: thesis/. Move")

    def test_a_link_keeps_it_too_and_is_not_followed(self):
        self.write_all_of_ours()
        self.link("part_3/weights")
        self.assert_kept("part_3/weights' must be no link.*mine.txt")

    def test_a_folder_that_is_a_link_is_kept(self):
        (self.folder / "run").symlink_to(self.elsewhere.parent)
        self.assert_kept("run' must be no link")

    def test_a_file_in_place_of_the_folder_is_kept(self):
        (self.folder / "run").write_text("mine")
        self.assert_kept("Received: no folder")

    def test_many_names_are_shortened(self):
        for number in range(7):
            self.write(f"{number}.txt")
        self.assert_kept("0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more")

    def test_half_of_our_own_json_is_ours(self):
        self.write("settings.json", '{"ou')
        self.assertEmpty(own_files.strange(self.folder / "run", OURS))

    def test_folders_that_cannot_be_written_to_are_refused(self):
        file = self.folder / "file"
        file.write_text("")
        for path, reason in (
            (file, "File exists"),
            (file / "in_it", "Not a directory"),
            (self.folder / ("a" * 300), "File name too long"),
            (pathlib.Path("/dev/null/a"), "Not a directory"),
            ("\0", "null byte"),
        ):
            with self.assertRaisesRegex(
                ValueError,
                rf"`output` must be a folder that can be written to, .*"
                rf"Received: output=.*{reason}.*Choose another",
            ):
                own_files.make_folder(path, "output")
        with self.assertRaisesRegex(ValueError, "Received: output=3"):
            own_files.make_folder(3, "output")

    def test_a_folder_is_made_with_those_around_it(self):
        path = self.folder / "a" / "b"
        self.assertEqual(own_files.make_folder(str(path), "output"), path)
        self.assertEqual(list(path.iterdir()), [])

    def test_opening_follows_no_link_and_truncates_nothing(self):
        with self.assertRaisesRegex(ValueError, "lock' must be a file.*link"):
            own_files.open_to_append(self.link("lock"))
        self.assertEqual(self.elsewhere.read_text(), "mine")
        path = self.write("log", "before")
        with own_files.open_to_append(path) as file:
            file.write(", after")
        self.assertEqual(path.read_text(), "before, after")

    def test_opening_refuses_what_is_no_file(self):
        os.mkfifo(self.folder / "lock")
        with self.assertRaisesRegex(ValueError, "lock' must.*no file"):
            own_files.open_to_append(self.folder / "lock")

    def test_files_of_our_names_without_the_marker_are_refused(self):
        names = (r"weights\.h5", r"[^/]+/log\.json")

        def check():
            own_files.check_begun(
                self.folder, "settings.json", "directory", names
            )

        check()
        # Another's, which nothing here writes.
        (self.folder / "thesis.txt").write_text("mine")
        (self.folder / "cache").mkdir()
        (self.folder / "cache" / "plan.json").write_text("{}")
        check()
        (self.folder / "cache" / "log.json").write_text("mine")
        with self.assertRaisesRegex(
            ValueError,
            "`directory` must have no other files.*Received: directory=.* "
            "with cache/log.json, and no 'settings.json'",
        ):
            check()
        (self.folder / "settings.json").write_text("{}")
        check()


if __name__ == "__main__":
    absltest.main()
