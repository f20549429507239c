"""Settings of `keras-kd distill`."""

import dataclasses
import difflib
import math
import os
import re

from keras_kd.cli import methods
from keras_kd.cli._shell.errors import UnusableError

DIGITS = "digits"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of one job; `None` means the method's or the default model.

    The defaults were chosen on the validation part of the digits, with seeds
    100 to 103, which the job does not report. Mean accuracies there, at 5 % of
    the images: alone 84.4 %, label smoothing 86.0 %, soft targets at a
    temperature of 2, 4, 8 and 16, at a learning rate of .01: 88.8, 91.7, 93.0
    and 93.4 %. Weights of the labels of 0, .1 and .5 made no difference.

    Attributes:
        dataset: Name of a data set, or a folder of images.
        data_dir: Where tensorflow-datasets keeps its files.
        image_size: See `as_size`; `None` for the size of the images.
        limit: Highest number of images, or `None`.
        method: A name of `methods.METHODS`; several, with commas between; or
            `"all"`. `resolve` takes one.
        temperature: Divides the logits, where the method does that.
        loss_weight: Factor on the distillation losses.
        student_loss_weight: Factor on the loss of the labels.
        noise_stddev: Of the noise on the teacher, where the method has some.
        noise_probability: Part of the examples that get this noise.
        learning_rate: Of the distilled students; `None` lets them choose among
            the rates of the other arms.
        epochs: Passes over as many images as the training part has; `None`
            decides by their number, as for `fraction`.
        batch_size: Images per update.
        seeds: Number of students per arm.
        fraction: Part of the training images that the students see.
        teacher: Path of a saved model, or `None` to train one.
        student: Path of a saved model whose architecture to train.
        cache: Folder of a cache of the teacher's answers, which is written if
            it is not there; `None` runs the teacher instead.
        output: Folder for everything that is written.
    """

    dataset: str = DIGITS
    data_dir: str | None = None
    image_size: str | None = None
    limit: int | None = None
    method: str = "soft_targets"
    temperature: float | None = None
    loss_weight: float | None = None
    student_loss_weight: float | None = None
    noise_stddev: float | None = None
    noise_probability: float | None = None
    learning_rate: float | None = None
    epochs: int | None = None
    batch_size: int = 64
    seeds: int = 5
    fraction: float | None = None
    teacher: str | None = None
    student: str | None = None
    cache: str | None = None
    output: str = "keras_kd_output"


def resolve(settings):
    """Validates settings and fills in the defaults of the method.

    Args:
        settings: A `Settings`.

    Returns:
        A `Settings` without `None` but for `data_dir`, `image_size`, `limit`,
        `learning_rate`, `epochs`, `fraction`, `teacher`, `student`, `cache`,
        and for the flags that the method does not have.

    Raises:
        UnusableError: If a value is out of range.
    """
    _check_images(settings)
    if settings.image_size is not None:
        height, width = as_size(settings.image_size)
        settings = dataclasses.replace(settings, image_size=f"{height}x{width}")
    method = find_method(settings.method)
    for name in methods.FLAGS:
        _check_belongs(name, settings, method)
    defaults = {
        name: getattr(method, name)
        for name in methods.FLAGS
        if getattr(settings, name) is None
    }
    settings = dataclasses.replace(settings, **defaults)
    _check_numbers(settings, method)
    for name in ("teacher", "student"):
        check_model_file(name, getattr(settings, name))
    if settings.student is not None and method.make_student is not None:
        raise UnusableError(
            f"`--student` must not be given with {settings.method}, since this "
            "method brings its own. Received: --student="
            f"{settings.student}. Leave it out."
        )
    if settings.cache is not None:
        _check_cache(settings, method)
    return settings


def _check_images(settings):
    """Validates what can be told of the images without reading them."""
    dataset = settings.dataset
    if not dataset:
        raise UnusableError(
            "`--dataset` must be a name or a folder. Received: an empty text. "
            "Leave the flag out for the embedded digits."
        )
    is_path = os.sep in dataset and dataset[0] in (".", "~", os.sep)
    if is_path and not os.path.isdir(os.path.expanduser(dataset)):
        raise UnusableError(
            "`--dataset` must be a name, or a folder that is there. Received: "
            f"--dataset={dataset}, which is not. Correct the path."
        )
    if settings.image_size is not None and dataset == DIGITS:
        raise UnusableError(
            "`--image_size` must not be given with the embedded digits, since "
            "they are of one size, 8x8. Received: --image_size="
            f"{settings.image_size}. Leave it out, or name a --dataset."
        )


def as_size(text):
    """A size of images from a flag.

    Args:
        text: `"64"`, or `"48x64"` for height and width.

    Returns:
        `(height, width)`.

    Raises:
        UnusableError: If it is another text, or below 1.
    """
    found = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text)
    if not found:
        raise UnusableError(
            "`--image_size` must be a whole number, or height x width, since "
            f"all images are brought to it. Received: --image_size={text}. "
            "Write --image_size=64 or --image_size=48x64."
        )
    return int(found[1]), int(found[2] or found[1])


def _check_belongs(name, settings, method):
    """Validates that a method has a flag."""
    value = getattr(settings, name)
    if value is not None and getattr(method, name) is None:
        raise UnusableError(
            f"`--{name}` must not be given with {settings.method}, since "
            f"this method {methods.FLAGS[name]}. Received: --{name}="
            f"{value:g}. Leave it out."
        )


def _check_cache(settings, method):
    if method.no_cache is not None:
        raise UnusableError(
            f"`--cache` must not be given with {settings.method}, since "
            f"{method.no_cache}. Received: --cache={settings.cache}. Leave it "
            "out."
        )
    if os.path.realpath(settings.cache) == os.path.realpath(settings.output):
        raise UnusableError(
            "`--cache` must be another folder than `--output`, since several "
            f"jobs can use a cache. Received: --cache={settings.cache}. Name "
            "another one."
        )


def check_model_file(name, path):
    """Validates that a path leads to a file.

    Args:
        name: Name of the flag.
        path: Its value, or `None`.
    """
    if path is not None and not os.path.isfile(path):
        raise UnusableError(
            f"`--{name}` must be a saved Keras model. Received: "
            f"--{name}={path}, where there is no file."
        )


def find_method(name):
    """The method of a name.

    Raises:
        UnusableError: If there is none, with the nearest names.
    """
    if name in methods.METHODS:
        return methods.METHODS[name]
    raise UnusableError(
        "`--method` must be a method that `keras-kd methods` lists. "
        f"Received: --method={name}. {nearest(name, methods.METHODS)}"
    )


def nearest(name, known):
    """Suggests known names for a mistyped one, in a sentence."""
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.4)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {', '.join(known)}."


def _check_numbers(settings, method):
    rules = {
        "temperature": (lambda value: 0 < value < math.inf, "above 0"),
        "loss_weight": (lambda value: 0 < value < math.inf, "above 0"),
        "student_loss_weight": (lambda v: 0 <= v < math.inf, "0 or more"),
        "noise_stddev": (lambda value: 0 < value < math.inf, "above 0"),
        "noise_probability": (lambda v: 0 < v <= 1, "above 0 and at most 1"),
        "learning_rate": (lambda value: 0 < value < math.inf, "above 0"),
        "epochs": (lambda value: value >= 1, "1 or more"),
        "batch_size": (lambda value: value >= 1, "1 or more"),
        "seeds": (lambda value: value >= 1, "1 or more"),
        "limit": (lambda value: value >= 1, "1 or more"),
        "fraction": (lambda v: 0 < v <= 1, "above 0 and at most 1"),
    }
    for name, (holds, rule) in rules.items():
        value = getattr(settings, name)
        if value is not None:
            check(name, value, holds(value), rule)
    if settings.epochs is not None and settings.epochs < method.min_epochs:
        raise UnusableError(
            f"`--epochs` must be {method.min_epochs} or more with "
            f"{settings.method}, since it has so many stages. Received: "
            f"--epochs={settings.epochs}."
        )


def check(name, value, holds, rule):
    """Validates that a number follows a rule.

    Args:
        name: Name of the flag, a key of `MEANINGS`.
        value: Its value.
        holds: Whether the rule holds.
        rule: The rule, to be read after "must be".
    """
    if not holds:
        raise UnusableError(
            f"`--{name}` must be {rule}, since it is {MEANINGS[name]}. "
            f"Received: --{name}={value:g}."
        )


MEANINGS = {
    "temperature": "what divides the logits",
    "loss_weight": "the factor on the distillation losses",
    "student_loss_weight": "the factor on the loss of the labels",
    "noise_stddev": "the standard deviation of the noise on the teacher",
    "noise_probability": "the part of the examples that get noise",
    "learning_rate": "what an update is multiplied with at the start",
    "epochs": "the number of passes over the training images",
    "batch_size": "the number of images in an update",
    "seeds": "the number of students in each arm",
    "limit": "the highest number of images",
    "top_k": "the number of logits to keep",
    "fraction": "the part of the training images that the students see",
}
