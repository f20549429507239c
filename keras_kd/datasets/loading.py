"""Loads sets of labelled images."""

import os

import numpy as np
import tensorflow as tf

from keras_kd.datasets import sizes
from keras_kd.datasets import tfds_builder
from keras_kd.datasets.image_folder import from_folder
from keras_kd.datasets.image_set import ImageSet


def load(
    name_or_folder: str | os.PathLike[str],
    *,
    split: tuple[str, str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: tuple[int, int] | None = None,
    test_fraction: float | None = None,
    download: bool | None = None,
    limit: int | None = None,
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
        limit: Highest number of images that are kept, those for testing
            included; of each class the same part. Defaults to `None`, all.

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
        "limit": limit,
    }
    given = {k: v for k, v in options.items() if v is not None}
    function, known = _kind(name_or_folder)
    for argument in sorted(given.keys() - known):
        raise ValueError(
            f"`{argument}` must be left out, since `{function.__name__}` has "
            f"no such argument. Received: {argument}={given[argument]!r} for "
            f"{str(name_or_folder)!r}."
        )
    if function is digits:
        return digits(**given)
    return function(name_or_folder, **given)


def _kind(source):
    """Finds the loader of a source, and the names of its options."""
    if not isinstance(source, str | os.PathLike) or not str(source):
        raise TypeError(
            "`name_or_folder` must be a name or a path. Received: "
            f"name_or_folder={source!r}."
        )
    if source == "digits":
        return digits, {"limit"}
    is_path = isinstance(source, os.PathLike) or source[0] in (".", "~", os.sep)
    if is_path or (
        os.path.isdir(source)
        and tfds_builder.head(source) not in tfds_builder.names()
    ):
        return from_folder, {"image_size", "test_fraction", "limit"}
    known = {"split", "data_dir", "image_size", "download", "limit"}
    return from_tfds, known


def digits(*, limit: int | None = None) -> ImageSet:
    """Loads the 1797 handwritten digits, 8x8, that scikit-learn brings along.

    Of each class, every third image is for testing.

    Args:
        limit: See `load`.

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
    parts = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    kept = sizes.rows_within(limit, [labels[part] for part in parts], 10)
    train, test = (part[rows] for part, rows in zip(parts, kept, strict=True))
    return ImageSet(
        name="digits",
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        class_names=tuple("0123456789"),
        note="The same 13 people wrote the digits of both parts.",
    )


def from_tfds(
    name: str,
    *,
    split: tuple[str, str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    image_size: tuple[int, int] | None = None,
    download: bool = True,
    limit: int | None = None,
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
        limit: See `load`; the first images of each split, which need not have
            the same part of each class.

    Returns:
        An `ImageSet`.

    Raises:
        ValueError: If the name is unknown, the set does not have images with
            one label each, it is not on disk and cannot be downloaded, or a
            split does not exist.
    """
    sizes.check_image_size(image_size)
    tfds_builder.check_split(split)
    builder, image, label = tfds_builder.find(name, data_dir)
    tfds_builder.prepare(builder, download)
    splits = tfds_builder.choose_splits(builder, split)
    shape = tuple(image.shape)
    is_known = None not in shape
    size = image_size or (shape[:2] if is_known else sizes.DEFAULT_IMAGE_SIZE)
    shape = (*size, shape[-1] or 3)
    counts = [builder.info.splits[part].num_examples for part in splits]
    sizes.check_limit(limit, label.num_classes)
    if limit is not None:
        counts = sizes.within(limit, counts, label.num_classes)
    sizes.check_memory(name, sum(counts), shape)
    arrays = []
    for part, count in zip(splits, counts, strict=True):
        arrays += _read(builder, part, count, shape)
    note = f"{builder.info.full_name}: {splits[0]} and {splits[1]}."
    return ImageSet(name, *arrays, tuple(label.names), note)


def _read(builder, split, count, shape):
    """Returns the first images of one split, and their labels."""
    images = np.empty((count, *shape), "float32")
    labels = np.empty(count, "int32")
    dataset = builder.as_dataset(split, as_supervised=True).take(count)
    dataset = dataset.map(
        lambda image, label: (sizes.scale(image, shape[:2]), label),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    start = 0
    for batch, batch_labels in dataset.batch(512).as_numpy_iterator():
        rows = slice(start, start + len(batch))
        images[rows], labels[rows] = batch, batch_labels
        start = rows.stop
    return images, labels
