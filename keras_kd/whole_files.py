"""Files that are there as a whole or not at all.

Each is written beside its place and then moved there, so that a kill or a full
disk at any moment leaves no half of one.
"""

import contextlib
import json
import os
import pathlib


@contextlib.contextmanager
def written(path):
    """Gives a path to write to, and moves what is there to its place.

    Args:
        path: Where the file shall be.

    Returns:
        A context manager of a `pathlib.Path` beside it, with the same suffix.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f"partial_{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


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
