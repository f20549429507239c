"""Loads a folder of images with one sub-folder a class."""

import hashlib
import os
import pathlib
import re

import numpy as np
import tensorflow as tf

from keras_kd._core.arguments import as_float
from keras_kd.datasets import sizes
from keras_kd.datasets.image_set import ImageSet

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
PARTS = ("train", "test")
# Names of files in an error.
SHOWN = 50


def from_folder(
    folder: str | os.PathLike[str],
    *,
    image_size: tuple[int, int] | None = None,
    test_fraction: float = 0.2,
    limit: int | None = None,
) -> ImageSet:
    """Loads a folder of images with one sub-folder a class.

    Reads BMP, GIF (the first frame), JPEG and PNG as three channels; other
    files, and names that begin with a dot, are passed over. A folder with
    sub-folders `train` and `test` has the classes in these. Otherwise the
    files of each class whose names have the lowest hashes are for testing,
    which are the same everywhere.

    Args:
        folder: Path.
        image_size: `(height, width)` to which all images are resized, whatever
            their proportions. Defaults to the size of the images, or to 64x64
            if they differ.
        test_fraction: Number between 0 and 1, the part of each class that is
            for testing, at least one image. Defaults to `0.2`.
        limit: See `load`; those of each class whose names have the lowest
            hashes. Others are not read.

    Returns:
        An `ImageSet`.

    Raises:
        ValueError: If the folder or an image cannot be read, a class is empty,
            there are fewer than two, or the limit is too low. It names all
            images that cannot be read.
    """
    sizes.check_image_size(image_size)
    class_names, *parts = find(folder, test_fraction)
    parts = _within(limit, parts, len(class_names))
    size = image_size or _common_size([path for path, _ in sum(parts, [])])
    sizes.check_memory(folder, sum(map(len, parts)), (*size, 3))
    arrays, broken = [], {}
    for part in parts:
        images = np.empty((len(part), *size, 3), "float32")
        for row, (path, _) in enumerate(part):
            try:
                images[row] = sizes.scale(_decode(path), size)
            except tf.errors.OpError as error:
                broken[path] = _reason(error)
        arrays += [images, np.array([label for _, label in part], "int32")]
    _check_whole(broken, sum(map(len, parts)))
    return ImageSet(
        str(folder), *arrays, class_names, f"Images of {size[0]}x{size[1]}."
    )


def _decode(path):
    return tf.io.decode_image(
        tf.io.read_file(str(path)), channels=3, expand_animations=False
    )


def _reason(error):
    """Returns TensorFlow's reason, without names of its operations."""
    line = error.message.splitlines()[0]
    return re.sub(r"\{\{.*?\}\} |( \[Op:.*)", "", line).rstrip(". ")


def _check_whole(broken, count):
    """Validates that all images could be read."""
    if not broken:
        return
    paths = sorted(broken)
    lines = [f"  {path} ({broken[path]})" for path in paths[:SHOWN]]
    if len(paths) > SHOWN:
        lines.append(f"  and {len(paths) - SHOWN} more")
    found = "\n".join(lines)
    raise ValueError(
        f"`folder` must have images only that can be read. Received: {count} "
        f"images, of which {len(paths)} cannot:\n{found}\nRemove or replace "
        "them; files whose names begin with a dot are passed over."
    )


def _common_size(paths):
    """The size of all images that can be read, or the default."""
    found = set()
    for path in paths:
        try:
            found.add(tuple(_decode(path).shape[:2]))
        except tf.errors.OpError:
            # All such files are named later.
            continue
        if len(found) > 1:
            break
    return found.pop() if len(found) == 1 else sizes.DEFAULT_IMAGE_SIZE


def _within(limit, parts, num_classes):
    """Leaves out images above a limit, those with the highest hashes."""
    parts = [sorted(part, key=lambda one: _mixed(one[0])) for part in parts]
    labels = [[label for _, label in part] for part in parts]
    kept = sizes.rows_within(limit, labels, num_classes)
    return [
        sorted((part[row] for row in rows), key=lambda one: (one[1], one[0]))
        for part, rows in zip(parts, kept, strict=True)
    ]


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
        mixed = sorted(paths, key=_mixed)
        count = min(max(1, round(fraction * len(paths))), len(paths) - 1)
        train[name], test[name] = mixed[count:], mixed[:count]
    return train, test


def _mixed(path):
    """A key that mixes files; it depends on their names alone."""
    return hashlib.sha256(path.name.encode()).hexdigest()


def _label(files):
    return [
        (path, label)
        for label, paths in enumerate(files.values())
        for path in sorted(paths)
    ]
