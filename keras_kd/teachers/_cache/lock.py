"""Lets one process at a time write a cache."""

import contextlib
import fcntl

from keras_kd._core import own_files


@contextlib.contextmanager
def locked(directory, say):
    """Waits until no other process writes into a folder.

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
