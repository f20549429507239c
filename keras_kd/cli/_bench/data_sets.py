"""Loads the images of a job; errors name the flags."""

import re

from keras_kd import datasets
from keras_kd.cli._shell.errors import UnusableError

VALIDATION = 0.2
FLAGS_OF_ARGUMENTS = {
    "name_or_folder": "dataset",
    "name": "dataset",
    "folder": "dataset",
    "train_images": "dataset",
    "test_images": "dataset",
    "data_dir": "data_dir",
}


def load(settings):
    """Loads the data set.

    Raises:
        UnusableError: If it is unknown or cannot be read.
    """
    options = {}
    if settings.data_dir is not None:
        options["data_dir"] = settings.data_dir
    try:
        return datasets.load(settings.dataset, **options)
    except (ValueError, OSError) as error:
        raise UnusableError(as_flags(str(error))) from error


def as_flags(text):
    """Rewrites an error of `datasets` in terms of flags."""
    for argument, flag in FLAGS_OF_ARGUMENTS.items():
        text = text.replace(f"`{argument}`", f"`--{flag}`")
        text = re.sub(rf"(?<![\w-]){argument}=(?=['\"])", f"--{flag}=", text)
    if text.startswith(("`split`", "`image_size`")):
        text += (
            " The command line has no flag for it: load the set in a script, "
            "with `keras_kd.datasets.load`."
        )
    return text


def hold_out(data):
    """Puts a part of the training images in place of the test images."""
    try:
        return data.validation_split(VALIDATION)
    except ValueError as error:
        raise UnusableError(as_flags(str(error))) from error
