"""Loads sets of labelled images."""

import os

import numpy as np
import tensorflow as tf

from keras_kd.datasets import image_folder
from keras_kd.datasets import tfds_builder
from keras_kd.datasets.image_set import ImageSet

# For sets whose images differ in size.
DEFAULT_IMAGE_SIZE = (64, 64)
MAX_BYTES = 8 * 2**30


def load(
    name_or_folder: str | os.PathLike[str],
    *,
    split: tuple[str, str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: tuple[int, int] | None = None,
    test_fraction: float | None = None,
    download: bool | None = None,
) -> ImageSet:
    """Loads a set of labelled images.

    Args:
        name_or_folder: `"digits"`; a name of tensorflow-datasets; or a folder
            of images. A source that could be both is a name: write `"./name"`
            for the folder.
        split: See `from_tfds`.
        data_dir: See `from_tfds`.
        image_size: See `from_tfds` and `from_folder`.
        test_fraction: See `from_folder`.
        download: See `from_tfds`.

    Returns:
        An `ImageSet`.

    Raises:
        TypeError: If `name_or_folder` is neither a string nor a path.
        ValueError: If there is no such set, it cannot be read, or an argument
            does not belong to its kind.

    Example:

    >>> data = keras_kd.datasets.load("digits")
    >>> data.image_shape, data.num_classes, len(data.train_images)
    ((8, 8, 1), 10, 1201)
    """
    options = {
        "split": split,
        "data_dir": data_dir,
        "image_size": image_size,
        "test_fraction": test_fraction,
        "download": download,
    }
    given = {k: v for k, v in options.items() if v is not None}
    function, known = _kind(name_or_folder)
    for argument in sorted(given.keys() - known):
        raise ValueError(
            f"`{argument}` must be left out, since `{function.__name__}` has "
            f"no such argument. Received: {argument}={given[argument]!r} for "
            f"{str(name_or_folder)!r}."
        )
    return function(name_or_folder, **given) if known else function()


def _kind(source):
    """Finds the loader of a source, and the names of its options."""
    if not isinstance(source, str | os.PathLike) or not str(source):
        raise TypeError(
            "`name_or_folder` must be a name or a path. Received: "
            f"name_or_folder={source!r}."
        )
    if source == "digits":
        return digits, set()
    is_path = isinstance(source, os.PathLike) or source[0] in (".", "~", os.sep)
    if is_path or (
        os.path.isdir(source)
        and tfds_builder.head(source) not in tfds_builder.names()
    ):
        return from_folder, {"image_size", "test_fraction"}
    return from_tfds, {"split", "data_dir", "image_size", "download"}


def digits() -> ImageSet:
    """Loads the 1797 handwritten digits, 8x8, that scikit-learn brings along.

    Of each class, every third image is for testing.

    Returns:
        An `ImageSet`.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images[..., np.newaxis] / 16).astype("float32")
    labels = bunch.target.astype("int32")
    is_test = np.zeros(len(labels), bool)
    for label in range(10):
        is_test[np.flatnonzero(labels == label)[2::3]] = True
    return ImageSet(
        name="digits",
        train_images=images[~is_test],
        train_labels=labels[~is_test],
        test_images=images[is_test],
        test_labels=labels[is_test],
        class_names=tuple("0123456789"),
        note="The same 13 people wrote the digits of both parts.",
    )


def from_folder(
    folder: str | os.PathLike[str],
    *,
    image_size: tuple[int, int] | None = None,
    test_fraction: float = 0.2,
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

    Returns:
        An `ImageSet`.

    Raises:
        ValueError: If the folder or an image cannot be read, a class is empty,
            or there are fewer than two.
    """
    _check_image_size(image_size)
    class_names, *parts = image_folder.find(folder, test_fraction)
    size = image_size or _common_size([path for path, _ in sum(parts, [])])
    _check_memory(folder, sum(map(len, parts)), (*size, 3))
    arrays = []
    for part in parts:
        images = np.empty((len(part), *size, 3), "float32")
        for row, (path, _) in enumerate(part):
            images[row] = _scale(_decode(path), size)
        arrays += [images, np.array([label for _, label in part], "int32")]
    return ImageSet(
        str(folder), *arrays, class_names, f"Images of {size[0]}x{size[1]}."
    )


def _decode(path):
    """Reads an image file; an error names it."""
    try:
        return tf.io.decode_image(
            tf.io.read_file(str(path)), channels=3, expand_animations=False
        )
    except tf.errors.OpError as error:
        raise ValueError(
            "`folder` must have images only that can be read. Received: "
            f"{str(path)!r} ({error.message.splitlines()[0]}). Remove or "
            "replace this file."
        ) from error


def _common_size(paths):
    sizes = set()
    for path in paths:
        sizes.add(tuple(_decode(path).shape[:2]))
        if len(sizes) > 1:
            return DEFAULT_IMAGE_SIZE
    return sizes.pop()


def _scale(image, size):
    """Brings an image to float32 in [0, 1] and to a size."""
    image = tf.image.convert_image_dtype(image, tf.float32)
    if tuple(image.shape[:2]) != tuple(size):
        image = tf.image.resize(image, size, antialias=True)
        image = tf.clip_by_value(image, 0.0, 1.0)
    return image


def _check_image_size(size):
    is_pair = isinstance(size, list | tuple) and len(size) == 2
    if size is not None and not (
        is_pair and all(isinstance(n, int) and n >= 1 for n in size)
    ):
        raise ValueError(
            "`image_size` must be two positive integers, (height, width). "
            f"Received: image_size={size!r}."
        )


def _check_memory(name, count, shape):
    size = 4 * count * int(np.prod(shape))
    if size > MAX_BYTES:
        raise ValueError(
            f"`image_size` must let all images fit in {MAX_BYTES / 2**30:.0f} "
            "GiB, since they are kept in memory. Received: "
            f"{count} images of {tuple(shape)} in {name}, "
            f"{size / 2**30:.0f} GiB. Choose a smaller size or fewer images."
        )


def from_tfds(
    name: str,
    *,
    split: tuple[str, str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: tuple[int, int] | None = None,
    download: bool = True,
) -> ImageSet:
    """Loads an image classification set of tensorflow-datasets.

    A set that is not on disk is downloaded first; a bar shows how far it is.

    Args:
        name: Such as `"mnist"`, `"cifar10"` or `"imagenet_resized/32x32"`.
        split: Splits to train and test on, such as `("train[:5000]", "test")`.
            Defaults to `"train"` and `"test"`, or else `"validation"`.
        data_dir: Where the sets are kept. Defaults to `None`, which is the
            environment variable `TFDS_DATA_DIR`, or a folder in the home
            directory.
        image_size: `(height, width)` to which all images are resized. Defaults
            to their size, or to 64x64 if they differ.
        download: Whether to download what is not on disk. Defaults to `True`.

    Returns:
        An `ImageSet`.

    Raises:
        ValueError: If the name is unknown, the set does not have images with
            one label each, it is not on disk and cannot be downloaded, or a
            split does not exist.
    """
    _check_image_size(image_size)
    builder, image, label = tfds_builder.find(name, data_dir)
    tfds_builder.prepare(builder, download)
    splits = tfds_builder.choose_splits(builder, split)
    shape = tuple(image.shape)
    size = image_size or (DEFAULT_IMAGE_SIZE if None in shape else shape[:2])
    shape = (*size, shape[-1] or 3)
    counts = [builder.info.splits[part].num_examples for part in splits]
    _check_memory(name, sum(counts), shape)
    arrays = []
    for part, count in zip(splits, counts, strict=True):
        arrays += _read(builder, part, count, shape)
    note = f"{builder.info.full_name}: {splits[0]} and {splits[1]}."
    return ImageSet(name, *arrays, tuple(label.names), note)


def _read(builder, split, count, shape):
    """Returns the images and the labels of one split."""
    images = np.empty((count, *shape), "float32")
    labels = np.empty(count, "int32")
    dataset = builder.as_dataset(split, as_supervised=True).map(
        lambda image, label: (_scale(image, shape[:2]), label),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    start = 0
    for batch, batch_labels in dataset.batch(512).as_numpy_iterator():
        rows = slice(start, start + len(batch))
        images[rows], labels[rows] = batch, batch_labels
        start = rows.stop
    return images, labels
