"""Writes files atomically.

A file is written beside its place and then moved there, so that a kill or a
full disk at any moment leaves no unfinished file.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import secrets

from keras_kd._core import own_files


@contextlib.contextmanager
def written(path):
    """Yields a temporary path, and moves the file to its place.

    The path is new: no file of the user is overwritten. Unfinished files of
    killed processes are deleted.

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
    """Deletes unfinished files of processes that have ended."""
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
    """Writes a value as JSON."""
    write_text(path, json.dumps(value, indent=2))


def read_json(path):
    """Reads a file of `write_json`; `None` if there is no file."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return json.loads(text)


def digest(path):
    """Hexadecimal digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value):
    """Hexadecimal digest of what JSON can hold."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def seal(content):
    """Bytes of a JSON file that reveal any change; see `unseal`."""
    whole = {"content": content, "sha256": digest_of(content)}
    return (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode()


def unseal(sealed):
    """Reads the bytes of `seal`.

    Raises:
        ValueError: If they are not as they were written.
    """
    try:
        content = json.loads(sealed)["content"]
    except (KeyError, TypeError) as error:
        raise ValueError("no content") from error
    if sealed != seal(content):
        raise ValueError("other bytes than their digest tells")
    return content


def write_sealed(path, content):
    """Writes what JSON can hold, with a digest that reveals any change."""
    with written(path) as partial:
        partial.write_bytes(seal(as_json(content)))


def read_sealed(path):
    """Reads a file of `write_sealed`; `None` if there is no file.

    Raises:
        ValueError: If it is not as it was written.
    """
    try:
        return unseal(pathlib.Path(path).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, IsADirectoryError) as error:
        raise damaged(path) from error


def damaged(path):
    """An error for a file that is not as it was written."""
    return ValueError(
        f"{str(path)!r} must be as it was written. Received: other content, "
        "since it was damaged, or changed by others."
    )


def as_json(value):
    """A value as JSON gives it back: lists for tuples, text for keys."""
    return json.loads(json.dumps(value))
