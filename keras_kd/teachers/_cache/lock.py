"""Lock of a folder, for one writer at a time."""

import contextlib
import fcntl

from keras_kd._core import own_files


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
    with own_files.open_to_append(directory / own_files.LOCK) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(
                f"Another process writes the cache in {str(directory)!r}; "
                "waiting until it has finished."
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
