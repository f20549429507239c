"""A folder holds one run of one process, and notices what is damaged."""

import os
import pathlib
import subprocess
import sys
from concurrent import futures
from unittest import mock

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._core import files
from keras_kd._core import run_folder
from tests import support

PACKAGE = pathlib.Path(__file__).parents[2] / "keras_kd"
OPEN = """
import sys
import types
# In place of the package, which would import Keras.
keras_kd = types.ModuleType("keras_kd")
keras_kd.__path__ = [sys.argv[2]]
sys.modules["keras_kd"] = keras_kd
from keras_kd._core.run_folder import RunFolder
try:
    RunFolder(sys.argv[1], {"a": 1}, argument="directory", names=())
except ValueError as error:
    print(error)
"""


class RunFolderTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    def open(self, settings=None, **kwargs):
        return run_folder.RunFolder(
            self.folder,
            {"a": 1} if settings is None else settings,
            argument="directory",
            names=(r".+/part\.json",),
            **kwargs,
        )

    def in_another_process(self):
        return subprocess.run(
            [sys.executable, "-c", OPEN, str(self.folder), str(PACKAGE)],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout

    def test_gives_back_what_was_written(self):
        (self.folder / "in").mkdir()
        self.open().write_json("in/part.json", {"b": [1, None]})
        self.assertEqual(
            self.open().read_json("in/part.json"), {"b": [1, None]}
        )
        self.assertIsNone(self.open().read_json("in/other.json"))

    def test_every_flipped_byte_is_noticed(self):
        self.open().write_json("part.json", {"b": 12})
        path = self.folder / "part.json"
        content = path.read_bytes()
        for place in range(len(content)):
            damaged = bytearray(content)
            damaged[place] ^= 1
            path.write_bytes(bytes(damaged))
            with self.assertWarnsRegex(UserWarning, "part.json.*made again"):
                self.assertIsNone(self.open().read_json("part.json"))
        path.write_bytes(content)
        self.assertEqual(self.open().read_json("part.json"), {"b": 12})

    def test_without_digests_nothing_counts(self):
        self.open().write_json("part.json", 3)
        (self.folder / "digests").write_text("{")
        with self.assertWarnsRegex(UserWarning, "digests.*made again"):
            self.assertIsNone(self.open().read_json("part.json"))

    def test_lost_digests_are_written_again_for_the_same_settings(self):
        self.open()
        (self.folder / "digests").write_text("{")
        with self.assertWarnsRegex(UserWarning, "digests.*made again"):
            self.open().write_json("part.json", 3)
        self.assertEqual(self.open().read_json("part.json"), 3)

    @parameterized.parameters("settings.json", "digests", "part.json")
    def test_a_folder_in_place_of_a_file_is_named(self, name):
        self.open().write_json("part.json", 3)
        (self.folder / name).unlink()
        (self.folder / name).mkdir()
        with self.assertRaisesRegex(ValueError, f"{name}' must be a file"):
            self.open().read_json("part.json")

    def test_a_file_in_place_of_the_folder_is_named(self):
        self.folder = self.folder / "run"
        self.folder.write_text("mine")
        with self.assertRaisesRegex(ValueError, "must be a folder that.*run'"):
            self.open()
        self.assertEqual(self.folder.read_text(), "mine")

    def test_a_kill_before_a_file_is_moved_leaves_the_one_before(self):
        run = self.open()
        run.write_json("part.json", 1)
        before = (self.folder / "part.json").read_bytes()
        run.write_json("part.json", 2)
        (self.folder / "part.json").write_bytes(before)
        self.assertEqual(self.open().read_json("part.json"), 1)

    def test_kills_before_files_are_moved_leave_the_one_before(self):
        run = self.open()
        run.write_json("part.json", 1)
        replace = os.replace

        def killed(source, target):
            if pathlib.Path(target).name == "part.json":
                raise KeyboardInterrupt
            replace(source, target)

        for value in (2, 3):
            with mock.patch.object(files.os, "replace", killed):
                with self.assertRaises(KeyboardInterrupt):
                    run.write_json("part.json", value)
            self.assertEqual(self.open().read_json("part.json"), 1)

    def test_what_failed_on_the_way_is_not_there(self):
        run = self.open()
        with self.assertRaises(KeyboardInterrupt):
            with run.written("part.json"):
                raise KeyboardInterrupt
        self.assertFalse(run.has("part.json"))

    def test_another_run_is_refused_by_what_differs(self):
        self.open({"a": 1, "b": {"c": [1, 2]}, "d": 0})
        with self.assertRaisesRegex(
            ValueError,
            r"`directory` must .*same run.*a=1, now null; b\.c\.1=2, now 3; "
            r"e=null, now 5\. Choose another directory\. Or this\.$",
        ):
            self.open(
                {"b": {"c": [1, 3]}, "d": 0, "e": 5},
                other=lambda run, other: f" Or this{'.' * (len(other) == 3)}",
            )

    def test_damaged_settings_are_told_from_other_ones(self):
        self.open()
        path = self.folder / "settings.json"
        for text in ("", path.read_text().replace("1", "2")):
            path.write_text(text)
            with self.assertRaisesRegex(ValueError, "damaged.*settings.json"):
                self.open()

    def test_an_older_version_is_refused(self):
        (self.folder / "settings.json").write_text('{"a": 1}')
        with self.assertRaisesRegex(
            ValueError, "older version.*'digests' was lost.*Finish"
        ):
            self.open()

    def test_an_older_form_of_digests_is_refused(self):
        self.open().write_json("part.json", 1)
        path = self.folder / "digests"
        path.write_text(path.read_text().replace("sha256", "digest"))
        before = path.read_text()
        with self.assertRaisesRegex(ValueError, "older version.*Finish"):
            self.open()
        self.assertEqual(path.read_text(), before)

    @parameterized.parameters("in/part.json", "digests")
    def test_a_file_that_is_not_ours_is_refused_and_left(self, name):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
        with self.assertRaisesRegex(ValueError, path.name):
            self.open()
        self.assertEqual(path.read_text(), "mine")

    def test_another_process_is_refused_while_the_folder_is_used(self):
        run = self.open()
        self.assertRegex(
            self.in_another_process(),
            r"`directory` must be used by one process.*process \d+ on",
        )
        del run
        self.assertEqual(self.in_another_process(), "")

    def test_gives_back_arrays(self):
        arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text")}
        self.open().write_arrays("part.npz", arrays)
        found = self.open().read_arrays("part.npz")
        self.assertEqual(list(found), ["a", "b"])
        np.testing.assert_array_equal(found["a"], arrays["a"])
        self.assertEqual(str(found["b"]), "text")
        self.assertIsNone(self.open().read_arrays("other.npz"))

    def test_where_it_is_cleared_another_run_begins(self):
        run = self.open({"a": 1})
        run.write_json("../beside.json", 1)
        self.addCleanup((self.folder / "../beside.json").unlink, True)
        run.write_json("part.json", 1)
        lock = (self.folder / "lock").stat().st_ino
        self.open({"a": 2}, other=lambda run, differences: run.clear())
        names = sorted(path.name for path in self.folder.iterdir())
        self.assertEqual(names, ["digests", "lock", "settings.json"])
        # In a new file, another process could lock at the same time.
        self.assertEqual((self.folder / "lock").stat().st_ino, lock)
        self.assertFalse((self.folder / "../beside.json").exists())
        with self.assertRaisesRegex(ValueError, "a=2, now 1"):
            self.open({"a": 1})

    def test_who_shares_the_folder_locks_and_writes_nothing(self):
        with self.assertRaisesRegex(ValueError, "without 'settings.json'"):
            self.open(is_shared=True)
        self.assertEmpty(list(self.folder.iterdir()))
        run = self.open()
        run.write_json("part.json", 1)
        before = sorted(self.folder.iterdir())
        with futures.ThreadPoolExecutor(1) as other:
            shared = other.submit(self.open, is_shared=True).result()
            self.assertEqual(shared.read_json("part.json"), 1)
            shared.close()
            refused = other.submit(self.open, {"a": 2}, is_shared=True)
            with self.assertRaisesRegex(ValueError, "a=1, now 2"):
                refused.result()
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def test_removes_what_is_its_own(self):
        run = self.open()
        (self.folder / "in").mkdir()
        run.write_json("in/part.json", 1)
        run.write_json("part.json", 1)
        run.remove("in", {"part.json": lambda path: True})
        run.remove_file("part.json")
        run.remove_file("part.json")
        self.assertFalse(run.has("in/part.json") or run.has("part.json"))
        self.assertNotIn("part", (self.folder / "digests").read_text())


if __name__ == "__main__":
    absltest.main()
