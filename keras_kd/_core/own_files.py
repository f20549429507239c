"""Ownership of files: only files of ours are deleted or overwritten.

All code that deletes, overwrites or opens files for writing checks them here
first. A folder may hold files of the user, and a link may lead to them.
"""

import os
import pathlib
import re
import shutil
import tempfile

# Of what was cut off while it was written: process, and a random part.
PARTIAL = re.compile(r"partial_(\d+)_[0-9a-f]{8}_(.+)", re.DOTALL)
LOCK = "lock"
_SHOWN = 5
_MOST_BEGINNING = 4096


def make_folder(path, argument):
    """Makes a folder that can be written to, if it is not there.

    Args:
        path: Its path, as it was given.
        argument: The caller's argument that names it.

    Returns:
        A `pathlib.Path`.

    Raises:
        ValueError: If it cannot be made, or written to.
    """
    try:
        folder = pathlib.Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, TypeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        given = str(path) if isinstance(path, str | os.PathLike) else path
        raise ValueError(
            f"`{argument}` must be a folder that can be written to, since the "
            f"results go there. Received: {argument}={given!r} ({reason}). "
            "Choose another folder."
        ) from error
    return folder


def check_file(path):
    """Validates that a path is a plain file, or free.

    Args:
        path: Where a file of ours is, or is to be.

    Raises:
        ValueError: If it is there, and is no file of its own.
    """
    path = pathlib.Path(path)
    is_link = path.is_symlink()
    if is_link or (path.exists() and not path.is_file()):
        kind = f"a link to {os.readlink(path)!r}" if is_link else "no file"
        raise ValueError(
            f"{str(path)!r} must be a file of its own, since it is written to, "
            f"and links are not followed. Received: {kind}. Move it away, or "
            "choose another folder."
        )


def check_no_links(folder):
    """Validates that a folder is no link and holds none.

    Args:
        folder: What is written to, or will be.

    Raises:
        ValueError: If there is a link; it names the first.
    """
    folder = pathlib.Path(folder)
    for path in (folder, *_entries(folder)):
        if path.is_symlink():
            raise ValueError(
                f"{str(path)!r} must be no link, since files are written and "
                "deleted there, and links are not followed. Received: a link "
                f"to {os.readlink(path)!r}. Move it away, or choose another "
                "folder."
            )


def open_to_append(path):
    """Opens a file to append to, without following a link.

    Args:
        path: The file; made if it is not there.

    Returns:
        A file object for text.
    """
    check_file(path)

    def opener(name, flags):
        # Between the check and this, somebody may have made a link. Windows
        # knows no such flag.
        return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)

    return open(path, "a", encoding="utf-8", opener=opener)


def check_begun(folder, marker, argument, names):
    """Validates that files of our names in a folder come with our marker.

    Other files may be there: they are not touched.

    Args:
        folder: A `pathlib.Path` of a folder that is there.
        marker: Name of the file that is written first.
        argument: The caller's argument that names the folder.
        names: Regular expressions for the paths within the folder that are
            written.

    Raises:
        ValueError: If there is such a path, and no marker.
    """
    if (folder / marker).exists():
        return
    paths = (path.relative_to(folder).as_posix() for path in _entries(folder))
    others = sorted(
        path for path in paths if any(re.fullmatch(n, path) for n in names)
    )
    if others:
        raise ValueError(
            f"`{argument}` must have no other files of the names that are "
            "written there, since they would be overwritten. Received: "
            f"{argument}={str(folder)!r} with {listed(others)}, and no "
            f"{marker!r}. Choose another folder."
        )


def strange(folder, ours):
    """Lists the paths in a folder, at any depth, that are not ours.

    Args:
        folder: A folder.
        ours: Dict from regular expressions, for paths within the folder, to
            functions from a path to whether its content is ours. The first
            expression that fits decides. Folders are judged by their contents,
            empty ones by their path and a slash.

    Returns:
        Sorted list of paths within the folder, as text. Links are strange.
    """
    folder = pathlib.Path(folder)
    found = []
    for path in _entries(folder):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            if any(path.iterdir()):
                continue
            name += "/"
        elif not path.is_file() or path.is_symlink():
            found.append(name)
            continue
        if not _fits(path, name, ours):
            found.append(name)
    return sorted(found)


def _fits(path, name, ours):
    partial = PARTIAL.fullmatch(path.name)
    if partial:
        # An unfinished file: its content is not read, only its name.
        name = name.removesuffix(path.name) + partial[2]
        return any(re.fullmatch(pattern, name) for pattern in ours)
    for pattern, is_ours in ours.items():
        if re.fullmatch(pattern, name):
            return is_ours(path)
    return False


def anything(path):
    """Accepts any content, for `strange`."""
    del path
    return True


def empty(path):
    """Whether a file has no content, for `strange`."""
    return path.stat().st_size == 0


def begins(text):
    """Whether a JSON file begins so, or is cut off before, for `strange`.

    Args:
        text: The beginning, without white space.
    """

    def is_ours(path):
        with open(path, "rb") as file:
            content = file.read(_MOST_BEGINNING).decode("utf-8", "replace")
        compact = "".join(content.split())
        return compact.startswith(text) or text.startswith(compact)

    return is_ours


def listed(names):
    """Formats some names for an error, and the number of the others."""
    more = len(names) - _SHOWN
    text = ", ".join(names[:_SHOWN])
    return f"{text} and {more} more" if more > 0 else text


def remove_folder(folder, ours):
    """Deletes a folder, if all of it is ours.

    Args:
        folder: A folder, or a path where none is.
        ours: See `strange`.

    Raises:
        ValueError: If it is a link or holds something else; nothing is deleted
            then.
    """
    check_removable(folder, ours)
    if os.path.lexists(folder):
        shutil.rmtree(folder)


def clear_folder(folder, keep):
    """Deletes all that is in a folder, whoever wrote it; see `check_removable`.

    Args:
        folder: A `pathlib.Path` of a folder.
        keep: Names of files in it that stay.
    """
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in keep:
            path.unlink()


def check_removable(folder, ours):
    """Validates that `remove_folder` would delete nothing but our files.

    Args:
        folder: A folder, or a path where none is.
        ours: See `strange`.

    Raises:
        ValueError: If it is a link or holds something else.
    """
    if not os.path.lexists(folder):
        return
    check_no_links(folder)
    if not os.path.isdir(folder):
        found = ["no folder"]
    else:
        found = strange(folder, ours)
    if found:
        raise ValueError(
            f"{str(folder)!r} must hold nothing but what keras_kd has written, "
            f"since all of it would be deleted. Received: {listed(found)}. "
            "Move that away, or choose another folder."
        )


def _entries(folder):
    """Yields all paths in a folder, at any depth; follows no links."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield pathlib.Path(place, name)
