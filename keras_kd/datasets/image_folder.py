"""Finds the images of a folder with one sub-folder a class."""

import hashlib
import pathlib

from keras_kd._core.arguments import as_float

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
PARTS = ("train", "test")


def find(folder, test_fraction):
    """Lists the images for training and for testing.

    Args:
        folder: Path. The classes are its sub-folders, or those of its
            sub-folders `train` and `test`.
        test_fraction: Part of each class that is for testing, if the folder
            has no such split.

    Returns:
        `(class_names, train, test)`, where the last two are lists of `(path,
        label)`.

    Raises:
        ValueError: If the folder does not have this form.
    """
    folder = pathlib.Path(folder).expanduser()
    subfolders = _subfolders(folder)
    if {path.name for path in subfolders}.issuperset(PARTS):
        train, test = (_files_by_class(folder / part) for part in PARTS)
        _check_same_classes(folder, train, test)
    else:
        _check_fraction(test_fraction)
        train, test = _split(folder, _files_by_class(folder), test_fraction)
    return tuple(train), _label(train), _label(test)


def _entries(folder):
    """Paths in a folder, sorted, without hidden ones."""
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise ValueError(
            "`folder` must be a folder that can be read. Received: "
            f"folder={str(folder)!r} ({error.strerror})."
        ) from error
    return [path for path in found if not path.name.startswith(".")]


def _subfolders(folder):
    return [path for path in _entries(folder) if path.is_dir()]


def _files_by_class(folder):
    """Lists images by the name of their class, after validation."""
    files = {
        subfolder.name: [
            path
            for path in _entries(subfolder)
            if path.suffix.lower() in SUFFIXES and path.is_file()
        ]
        for subfolder in _subfolders(folder)
    }
    if len(files) < 2:
        raise ValueError(
            "`folder` must have a sub-folder for each class, at least two, "
            "since there is nothing to tell apart otherwise. Received: "
            f"folder={str(folder)!r} with sub-folders {list(files)}."
        )
    for name, paths in files.items():
        if not paths:
            raise ValueError(
                "`folder` must have an image in each of its sub-folders. "
                f"Received: none in {str(folder / name)!r}. Images are files "
                f"that end in {', '.join(SUFFIXES)}."
            )
    return files


def _check_same_classes(folder, train, test):
    if train.keys() != test.keys():
        only = sorted(train.keys() ^ test.keys())
        raise ValueError(
            "`folder` must have the same classes in `train` and in `test`. "
            f"Received: folder={str(folder)!r}, where only one of the two has "
            f"{', '.join(only[:5])}."
        )


def _check_fraction(test_fraction):
    if not 0 < as_float(test_fraction) < 1:
        raise ValueError(
            "`test_fraction` must be between 0 and 1, since it is the part of "
            "the images that is for testing. Received: test_fraction="
            f"{test_fraction!r}."
        )


def _split(folder, files, fraction):
    """Divides each class by the hashes of its file names."""
    train, test = {}, {}
    for name, paths in files.items():
        if len(paths) < 2:
            raise ValueError(
                "`folder` must have at least two images of each class, one of "
                f"them for testing. Received: one in {str(folder / name)!r}."
            )
        # Anything else would depend on the machine, or on the order of names.
        mixed = sorted(
            paths,
            key=lambda path: hashlib.sha256(path.name.encode()).hexdigest(),
        )
        count = min(max(1, round(fraction * len(paths))), len(paths) - 1)
        train[name], test[name] = mixed[count:], mixed[:count]
    return train, test


def _label(files):
    return [
        (path, label)
        for label, paths in enumerate(files.values())
        for path in sorted(paths)
    ]
