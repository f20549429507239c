"""Files that are there as a whole or not at all.

Each is written beside its place and then moved there, so that a kill or a full
disk at any moment leaves no half of one.
"""

import contextlib
import json
import os
import pathlib
import secrets

from keras_kd._core import own_files


@contextlib.contextmanager
def written(path):
    """Gives a path to write to, and moves what is there to its place.

    The path is new: no file of a user's is written over on the way. What a
    process that was killed has left of an earlier try is deleted.

    Args:
        path: Where the file shall be.

    Returns:
        A context manager of a `pathlib.Path` beside it, with the same suffix.

    Raises:
        ValueError: If `path` is a link or a folder.
    """
    path = pathlib.Path(path)
    own_files.check_file(path)
    _clear(path)
    partial = path.with_name(
        f"partial_{os.getpid()}_{secrets.token_hex(4)}_{path.name}"
    )
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _clear(path):
    """Deletes what processes that are gone have left of a file."""
    if not path.parent.is_dir():
        return
    for left in path.parent.iterdir():
        match = own_files.PARTIAL.fullmatch(left.name)
        if match and match[2] == path.name and not _is_running(int(match[1])):
            left.unlink(missing_ok=True)


def _is_running(process):
    if process == os.getpid():
        return False  # One of this number that ran before.
    if os.name == "nt":
        return True  # There, the signal 0 ends a process.
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def write_text(path, text):
    """Writes text in UTF-8."""
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Writes what JSON can hold."""
    write_text(path, json.dumps(value, indent=2))


def read_json(path):
    """What `write_json` has written, or `None` if there is no file."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return json.loads(text)
