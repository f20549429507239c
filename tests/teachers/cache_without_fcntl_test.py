"""A cache where Python has no `fcntl`, as on Windows."""

import pathlib
import subprocess
import sys

import pytest
from absl.testing import absltest

from tests import support

ROOT = pathlib.Path(__file__).parents[2]

# `msvcrt.locking` locks bytes from where the file stands, here the file itself.
# On Windows nobody could read bytes that are locked, so there must be none.
WITHOUT = """
import fcntl
import os
import sys
import types

# Before that, what takes `msvcrt` for a sign of Windows.
import keras

KINDS = {"LK_NBLCK": fcntl.LOCK_EX | fcntl.LOCK_NB, "LK_UNLCK": fcntl.LOCK_UN}
lock = fcntl.flock

def locking(file, kind, count):
    assert os.lseek(file, 0, os.SEEK_CUR) > os.stat(file).st_size
    lock(file, kind)

sys.modules["fcntl"] = None
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, **KINDS)
from keras_kd._core import locks
assert locks.fcntl is None
"""

WRITE = """
import keras
import numpy as np
import keras_kd
teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
x = np.ones((10, 4), "float32")
cached = keras_kd.teachers.cache_teacher(
    teacher, x, sys.argv[1], dtype="float32", verbose=0
)
rows = next(iter(cached.attach(x).batch(10)))
logits, _ = cached.read(keras_kd.batch.split(rows)[1]["teacher"])
np.testing.assert_allclose(logits, teacher(x), rtol=1e-5)
folder = locks.FolderLock(sys.argv[1])
assert folder.acquire()
print("held", flush=True)
input()
"""

ASK = "print(locks.FolderLock(sys.argv[1]).acquire())"


class WithoutFcntlTest(absltest.TestCase):
    def process(self, script, folder):
        process = subprocess.Popen(
            [sys.executable, "-c", WITHOUT + script, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def asked(self, folder):
        return self.process(ASK, folder).communicate(timeout=200)[0].split()[-1]

    @pytest.mark.slow
    def test_is_written_read_and_locked(self):
        folder = support.folder(self)
        holder = self.process(WRITE, folder)
        # What TensorFlow says goes to standard error.
        self.assertEqual(holder.stdout.readline(), "held\n")
        self.assertEqual(self.asked(folder), "False")
        # A lock ends with its process.
        holder.kill()
        holder.wait()
        self.assertEqual(self.asked(folder), "True")


if __name__ == "__main__":
    absltest.main()
