"""Lock of a folder, for one writer at a time."""

import contextlib
import time

from keras_kd._core.locks import FolderLock

_SECONDS = 0.2


@contextlib.contextmanager
def locked(directory, say):
    """Holds the lock of a folder; waits for other writers.

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
