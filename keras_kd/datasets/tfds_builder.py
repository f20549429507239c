"""Finds and prepares a set of tensorflow-datasets."""

import difflib
import os
import urllib.error
import urllib.parse
import urllib.request

NETWORK_TIMEOUT_SECONDS = 10
REMEDY = (
    "Set `data_dir` or the environment variable TFDS_DATA_DIR to a folder that "
    'has it, or take "digits", which needs no network.'
)


def names():
    """Names of the sets that tensorflow-datasets can build."""
    import tensorflow_datasets as tfds

    return tfds.list_builders(with_community_datasets=False)


def head(name):
    """`"cifar10"` of `"cifar10:3.0.2"`."""
    return name.split("/")[0].split(":")[0]


def find(name, data_dir):
    """Returns a builder of labelled images.

    Args:
        name: As for `tfds.load`.
        data_dir: Where the sets are kept, or `None`.

    Returns:
        `(builder, image, label)`: a `tfds.core.DatasetBuilder`, not prepared
        yet, and its features.

    Raises:
        ValueError: If there is no such set, or it has no such features.
    """
    import tensorflow_datasets as tfds

    data_dir = data_dir if data_dir is None else os.fspath(data_dir)
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        near = difflib.get_close_matches(head(name), [*names(), "digits"], 5)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(
            "`name` must be a set of tensorflow-datasets, or an existing "
            f"folder. Received: name={name!r}. {hint}All names are at "
            "https://www.tensorflow.org/datasets/catalog."
        ) from error
    except (AssertionError, ValueError) as error:
        raise ValueError(
            "`name` must name a version and a configuration that exist. "
            f"Received: name={name!r} ({_first_line(error)})."
        ) from error
    keys = builder.info.supervised_keys
    is_pair = keys is not None and [*map(type, keys)] == [str, str]
    features = [builder.info.features[key] for key in keys] if is_pair else []
    if not (
        is_pair
        and isinstance(features[0], tfds.features.Image)
        and isinstance(features[1], tfds.features.ClassLabel)
    ):
        found = [type(feature).__name__ for feature in features]
        raise ValueError(
            "`name` must be a set of images with one label each. Received: "
            f"name={name!r}, which has {' and '.join(found) or 'no labels'}."
        )
    return builder, *features


def prepare(builder, download):
    """Downloads a set that is not on disk.

    Args:
        builder: From `find`.
        download: Whether to.

    Raises:
        ValueError: If it is not on disk and cannot be downloaded.
    """
    if builder.data_path.exists() and builder.is_prepared():
        return
    name, folder = builder.info.full_name, str(builder.data_dir_root)
    if not download:
        raise ValueError(
            "`download` must be True for a set that is not on disk. Received: "
            f"download=False, and no {name} in {folder}. {REMEDY}"
        )
    _check_network(builder)
    try:
        builder.download_and_prepare()
    # What goes wrong differs from set to set: the network, the server, the
    # disk, a package that is missing, files to be fetched by hand.
    except Exception as error:
        raise ValueError(
            f"`name` must be a set that can be downloaded. Received: {name}, "
            f"to be put in {folder} ({type(error).__name__}: {error}). {REMEDY}"
        ) from error


def _check_network(builder):
    """Validates that the server of a data set answers."""
    urls = list(builder.url_infos or ())
    if not urls:
        return
    parts = urllib.parse.urlsplit(urls[0])
    server = f"{parts.scheme}://{parts.netloc}/"
    request = urllib.request.Request(server, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=NETWORK_TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError:
        return  # The server answers.
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ValueError(
            "`name` must be a set on disk while there is no network. Received: "
            f"{builder.info.full_name}, which is not in "
            f"{builder.data_dir_root}, and no answer from {server} "
            f"({reason}). {REMEDY}"
        ) from error


def check_split(split):
    """Validates that there are names of two splits, or `None`."""
    is_pair = isinstance(split, list | tuple) and len(split) == 2
    if split is None or is_pair and all(isinstance(p, str) for p in split):
        return
    raise ValueError(
        "`split` must be a pair of names, what to train and what to test on. "
        f'Received: split={split!r}. Write ("train", "test").'
    )


def choose_splits(builder, split):
    """Chooses the splits to train and to test on.

    Args:
        builder: A prepared builder.
        split: Two names or slices of splits, or `None`.

    Returns:
        A pair of strings.

    Raises:
        ValueError: If the set does not have them.
    """
    available = list(builder.info.splits)
    if split is None:
        tests = [name for name in ("test", "validation") if name in available]
        split = ("train", tests[0] if tests else "test")
    for part in split:
        try:
            builder.info.splits[part]
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"`split` must name splits of {builder.info.full_name}, which "
                f"are {', '.join(available)}. Received: {part!r}. Slice one: "
                f'("{available[0]}[:80%]", "{available[0]}[80%:]").'
            ) from error
    return tuple(split)


def _first_line(error):
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
