"""Ownership of files: nothing that is not ours is deleted or overwritten.

Whatever deletes, overwrites or opens for writing asks here first. A folder may
hold what a user put there, and a link may lead to it.
"""

import os
import pathlib
import re
import shutil

# Of what was cut off while it was written: process, and a random part.
PARTIAL = re.compile(r"partial_(\d+)_[0-9a-f]{8}_(.+)", re.DOTALL)
LOCK = "lock"
_SHOWN = 5
_MOST_BEGINNING = 4096


def check_file(path):
    """Refuses to write to a link, a folder or a device.

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
    """Refuses a folder that is a link, or has one in it.

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
    """Opens a file for writing, and neither truncates it nor follows a link.

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
    """Refuses a folder with files of our names of which none says it is ours.

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
    """What is in a folder, at any depth, that we have not written.

    Args:
        folder: A folder.
        ours: Dict from regular expressions, for paths within the folder, to
            functions from a path to whether its content is ours. The first
            expression that fits decides. Folders fit as what is in them;
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
        # Half of a file: what it begins with tells nothing.
        name = name.removesuffix(path.name) + partial[2]
        return any(re.fullmatch(pattern, name) for pattern in ours)
    for pattern, is_ours in ours.items():
        if re.fullmatch(pattern, name):
            return is_ours(path)
    return False


def anything(path):
    """For `strange`, where the name says enough."""
    del path
    return True


def empty(path):
    """For `strange`: whether a file has no content."""
    return path.stat().st_size == 0


def begins(text):
    """For `strange`: whether a file of JSON begins so, or is cut off before.

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
    """Some names for an error, and how many more there are."""
    more = len(names) - _SHOWN
    text = ", ".join(names[:_SHOWN])
    return f"{text} and {more} more" if more > 0 else text


def remove_folder(folder, ours):
    """Deletes a folder that holds nothing but what we have written.

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


def check_removable(folder, ours):
    """Refuses what `remove_folder` does.

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
    """All that is in a folder, at any depth; links are not followed."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield pathlib.Path(place, name)
