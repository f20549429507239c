"""Checked JSON files that describe the cache."""

import os
import pathlib

from keras_kd._core import files
from keras_kd._core import own_files

PLAN = "plan.json"
MANIFEST = "manifest.json"
# Of one file in place of the other, the checksum fits too.
_ENTRY = {PLAN: "layout", MANIFEST: "shards"}


def write(path, content):
    """Writes a dict atomically, and durably.

    Args:
        path: A `pathlib.Path`.
        content: What JSON can hold.
    """
    with files.written(path) as beside, open(beside, "wb") as file:
        file.write(files.seal(content))
        file.flush()
        os.fsync(file.fileno())
    _make_last(path)


def read(path):
    """Reads what `write` wrote.

    Raises:
        ValueError: If the file is not as it was written.
    """
    data = path.read_bytes() if path.is_file() else b""
    try:
        content = files.unseal(data)
        if _ENTRY[path.name] not in content:
            raise ValueError("no such entry")
    except ValueError as error:
        raise ValueError(
            f"`{path.name}` must be as it was written, since it describes the "
            f"cache. Received: {len(data)} bytes that do not fit their "
            f"checksum or name, in {str(path.parent)!r}. Restore it from a "
            "copy, or delete the folder and cache the teacher again."
        ) from error
    return content


def read_finished(directory):
    """Reads the plan and the manifest of a finished cache.

    Args:
        directory: A `pathlib.Path`.

    Raises:
        ValueError: If one is missing or not as it was written, or if they are
            of two caches.
    """
    for name in (PLAN, MANIFEST):
        # Of `os`, for which a path that is too long is none.
        if not os.path.exists(directory / name):
            raise ValueError(
                "`directory` must hold a finished cache. Received: "
                f"directory={str(directory)!r}, without {name!r}. Call "
                "`cache_teacher` or `cache_answers` as before; it goes on "
                "where it was stopped."
            )
    plan, manifest = read(directory / PLAN), read(directory / MANIFEST)
    if files.digest_of(plan) != manifest["plan"]:
        raise ValueError(
            f"`{PLAN}` and `{MANIFEST}` must be of one cache. Received: two "
            f"that do not fit together, in {str(directory)!r}. Restore them "
            "from a copy, or delete the folder and cache the teacher again."
        )
    return plan, manifest


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
