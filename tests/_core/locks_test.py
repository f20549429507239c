"""One process at a time holds a folder."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

from absl.testing import absltest

from keras_kd._core import locks
from tests import support

PACKAGE = pathlib.Path(__file__).parents[2] / "keras_kd"
HOLD = """
import sys
import types
# In place of the package, which would import Keras.
keras_kd = types.ModuleType("keras_kd")
keras_kd.__path__ = [sys.argv[2]]
sys.modules["keras_kd"] = keras_kd
from keras_kd._core import locks
print(locks.FolderLock(sys.argv[1]).acquire(), flush=True)
sys.stdin.read()
"""


class FolderLockTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.lock = locks.FolderLock(self.folder)

    def in_another_process(self):
        """A process that has tried, and whether it holds the lock."""
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(self.folder), str(PACKAGE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        return process, process.stdout.readline().strip() == "True"

    def in_another_thread(self):
        found = []
        thread = threading.Thread(
            target=lambda: found.append(self.lock.acquire())
        )
        thread.start()
        thread.join()
        return found[0]

    def test_another_process_has_to_wait_until_the_end_of_the_first(self):
        process, has_it = self.in_another_process()
        self.assertTrue(has_it)
        self.assertFalse(self.lock.acquire())
        self.assertIn(f"process {process.pid} on", self.lock.holder())
        # As a kill does, it leaves the file.
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertTrue((self.folder / "lock").exists())
        self.assertTrue(self.lock.acquire())
        self.addCleanup(self.lock.release)
        self.assertFalse(self.in_another_process()[1])

    def test_a_file_of_a_process_that_is_gone_locks_nothing(self):
        # Its number is that of another process today, which runs.
        note = {"process": os.getppid(), "host": "here"}
        (self.folder / "lock").write_text(json.dumps(note))
        self.assertTrue(self.lock.acquire())
        self.lock.release()

    def test_the_same_thread_may_take_it_again(self):
        again = locks.FolderLock(self.folder)
        self.assertTrue(self.lock.acquire())
        self.assertTrue(again.acquire())
        again.release()
        self.assertFalse(self.in_another_process()[1])
        self.lock.release()
        self.assertTrue(self.in_another_process()[1])

    def test_another_thread_may_not(self):
        self.assertTrue(self.lock.acquire())
        self.assertFalse(self.in_another_thread())
        self.lock.release()
        self.assertTrue(self.in_another_thread())
        # That has ended, and left it.
        self.assertTrue(self.lock.acquire())
        self.lock.release()
        self.lock.release()

    def test_a_file_of_the_user_locks_and_is_left_as_it_is(self):
        (self.folder / "lock").write_text("mine")
        self.assertTrue(self.lock.acquire())
        self.assertFalse(self.in_another_process()[1])
        self.lock.release()
        self.assertEqual((self.folder / "lock").read_text(), "mine")

    def test_a_link_is_refused_and_not_followed(self):
        (self.folder / "other").write_text("")
        (self.folder / "lock").symlink_to(self.folder / "other")
        with self.assertRaisesRegex(ValueError, "links are not followed"):
            self.lock.acquire()
        self.assertEqual((self.folder / "other").read_text(), "")


if __name__ == "__main__":
    absltest.main()
