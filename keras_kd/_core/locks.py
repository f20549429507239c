"""Locks on folders: one process at a time, and none longer than it lives."""

import contextlib
import json
import os
import pathlib
import platform
import threading
import time
import warnings

from keras_kd._core import own_files

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None
    import msvcrt

_BEGINNING = '{"process":'
# Windows lets nobody read bytes that are locked: none of those that are there.
_BYTE = 1 << 30
# Between two looks at a lock that another has.
_SECONDS = 0.2
# What this process holds, by folder.
_held = {}
_guard = threading.Lock()


def is_ours(path):
    """For `own_files.strange`: whether a file says who holds a folder."""
    return own_files.begins(_BEGINNING)(path)


class FolderLock:
    """Lets one process, and one thread of it, use a folder.

    The operating system ends the lock with its process, however that ends: a
    file that was left behind locks nothing. The same thread may take it again.

    Args:
        folder: A folder that is there.
    """

    def __init__(self, folder):
        self.path = pathlib.Path(folder, own_files.LOCK)
        self._key = os.path.realpath(folder)

    def acquire(self):
        """Takes the lock if nobody has it.

        Returns:
            Whether this thread holds it now.

        Raises:
            ValueError: If its file is a link.
        """
        with _guard:
            held = _held.get(self._key)
            if held is not None and held.process == os.getpid():
                if held.thread is not threading.current_thread():
                    if held.thread.is_alive():
                        return False
                held.count += 1
                held.thread = threading.current_thread()
                return True
            file = own_files.open_to_append(self.path)
            if not _try(file, str(self.path)):
                file.close()
                return False
            _held[self._key] = _Held(file, is_ours(self.path))
            return True

    def release(self):
        """Gives the lock back, as many times as it was taken."""
        with _guard:
            held = _held.get(self._key)
            # A child that was forked has the memory of its parent.
            if held is None or held.process != os.getpid():
                return
            held.count -= 1
            if not held.count:
                _unlock(held.file)
                held.file.close()
                del _held[self._key]

    def holder(self):
        """A few words on the process that holds it."""
        try:
            note = json.loads(self.path.read_text(encoding="utf-8"))
            return f"process {note['process']} on {note['host']!r}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def taken(path, argument, value=None):
    """Takes the lock of a folder.

    Args:
        path: A folder that is there.
        argument: The caller's argument that names it.
        value: What the argument is. Defaults to `None`, the folder.

    Returns:
        The `FolderLock`, to be released.

    Raises:
        ValueError: If another process has it.
    """
    lock = FolderLock(path)
    if not lock.acquire():
        raise ValueError(
            f"`{argument}` must be used by one process at a time, since both "
            "would write the same files. Received: "
            f"{argument}={str(value or path)!r}, which {lock.holder()} uses. "
            f"Wait until that has ended, or choose another {argument}."
        )
    return lock


class _Held:
    """A lock that this process has."""

    def __init__(self, file, is_ours):
        self.file = file
        self.count = 1
        self.process = os.getpid()
        self.thread = threading.current_thread()
        if not is_ours:
            return  # A user's own of this name locks as well, unchanged.
        note = {"process": self.process, "host": platform.node()}
        file.truncate(0)
        file.write(json.dumps(note))
        file.flush()


@contextlib.contextmanager
def locked(directory, say):
    """Holds the lock of a cache's folder; waits for other writers.

    The lock ends with its process, however that ends.

    Args:
        directory: A `pathlib.Path`.
        say: Called with a sentence if there is something to wait for.

    Raises:
        ValueError: If its file is a link, which is not followed.
    """
    lock = FolderLock(directory)
    if not lock.acquire():
        say(
            f"The cache in {str(directory)!r} is written by {lock.holder()}; "
            "waiting until that has finished."
        )
        while not lock.acquire():
            time.sleep(_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _try(file, name):
    """Locks an open file, unless somebody else has."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            os.lseek(file.fileno(), _BYTE, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        warnings.warn(
            f"{name!r} could not be locked ({error}): see to it that one "
            "process at a time uses the folder.",
            stacklevel=2,
        )
    return True


def _unlock(file):
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_UN)
        else:
            os.lseek(file.fileno(), _BYTE, os.SEEK_SET)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    except OSError:
        pass  # It never was.
