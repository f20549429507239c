"""Checked JSON files that describe the cache."""

import hashlib
import json
import os
import pathlib

from keras_kd._core import files
from keras_kd._core import own_files

_CHECKSUM = "sha256"

PLAN = "plan.json"
MANIFEST = "manifest.json"


def write(path, content):
    """Writes a dict atomically.

    Args:
        path: A `pathlib.Path`.
        content: What JSON can hold.
    """
    with files.written(path) as beside, open(beside, "wb") as file:
        file.write(_render(content))
        file.flush()
        os.fsync(file.fileno())
    _make_last(path)


def read(path):
    """Reads what `write` wrote.

    Raises:
        ValueError: If the file is not as it was written.
    """
    data = path.read_bytes()
    try:
        content = json.loads(data)["content"]
        is_whole = data == _render(content)
    except (ValueError, KeyError, TypeError):
        is_whole = False
    if not is_whole:
        raise ValueError(
            f"`{path.name}` must be as it was written, since it describes the "
            f"cache. Received: {len(data)} bytes that do not fit their "
            f"checksum, in {str(path.parent)!r}. Restore it from a copy, or "
            "delete the folder and cache the teacher again."
        )
    return content


def _render(content):
    text = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    whole = {"content": content, _CHECKSUM: digest}
    return (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode()


def digest(content):
    """Digest of a dict, as text."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def move(source, target):
    """Renames a file durably."""
    own_files.check_file(target)
    os.replace(source, target)
    _make_last(target)


def _make_last(path):
    """Flushes a folder, so that new names outlive a loss of power."""
    folder = os.open(pathlib.Path(path).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
