"""Loads the images of a job; errors name the flags."""

import dataclasses

from keras_kd import datasets
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.errors import in_flags
from keras_kd.cli._shell.settings import DIGITS
from keras_kd.cli._shell.settings import as_size

VALIDATION = 0.2
# Defaults of `--fraction` and `--epochs`. Those of the digits are chosen for
# them; of other sets so many images at least, or all, and so many updates.
FRACTION = 0.05
FEW = 1000
EPOCHS = 10
UPDATES = 150
FLAGS_OF_ARGUMENTS = {
    "name_or_folder": "dataset",
    "name": "dataset",
    "folder": "dataset",
    "train_images": "dataset",
    "test_images": "dataset",
    "data_dir": "data_dir",
    "image_size": "image_size",
    "limit": "limit",
}


def load(settings):
    """Loads the data set.

    Raises:
        UnusableError: If it is unknown or cannot be read.
    """
    size = settings.image_size
    try:
        return datasets.load(
            settings.dataset,
            data_dir=settings.data_dir,
            image_size=None if size is None else as_size(size),
            limit=settings.limit,
        )
    except (ValueError, OSError) as error:
        raise UnusableError(as_flags(str(error))) from error


def as_flags(text):
    """Rewrites an error of `datasets` in terms of flags."""
    text = in_flags(text, FLAGS_OF_ARGUMENTS)
    if text.startswith("`split`"):
        text += (
            " The command line has no flag for it: load the set in a script, "
            "with `keras_kd.datasets.load`."
        )
    return text


def fill_in(settings, tuning):
    """Settings with the defaults that depend on the number of images.

    Args:
        settings: A `Settings`.
        tuning: What `hold_out` gives.

    Returns:
        A `Settings` with `epochs` and `fraction`.
    """
    count = len(tuning.train_labels)
    steps = -(-count // settings.batch_size)
    defaults = {"fraction": FRACTION, "epochs": EPOCHS}
    if settings.dataset != DIGITS:
        part = round(min(FEW / count, 1.0), 3)
        defaults["fraction"] = max(part, FRACTION)
        defaults["epochs"] = max(-(-UPDATES // steps), EPOCHS)
    given = {
        name: value
        for name in defaults
        if (value := getattr(settings, name)) is not None
    }
    return dataclasses.replace(settings, **defaults | given)


def hold_out(data):
    """Puts a part of the training images in place of the test images."""
    try:
        return data.validation_split(VALIDATION)
    except ValueError as error:
        raise UnusableError(as_flags(str(error))) from error
