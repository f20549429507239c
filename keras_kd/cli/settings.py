"""What `keras-kd distill` is told to do."""

import dataclasses
import difflib
import math
import os

from keras_kd.cli import methods
from keras_kd.cli.errors import UnusableError


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
        method: A name of `methods.METHODS`.
        temperature: Divides the logits, where the method has one.
        loss_weight: Factor on the distillation losses.
        student_loss_weight: Factor on the loss of the labels.
        epochs: Passes over as many images as the training part has.
        batch_size: Images per update.
        seeds: Number of students per arm.
        fraction: Part of the training images that the students see.
        teacher: Path of a saved model, or `None` to train one.
        student: Path of a saved model whose architecture to train.
        cache: Folder of a cache of the teacher's answers, which is written if
            it is not there; `None` runs the teacher instead.
        output: Folder for everything that is written.
    """

    dataset: str = "digits"
    data_dir: str | None = None
    method: str = "soft_targets"
    temperature: float | None = None
    loss_weight: float | None = None
    student_loss_weight: float | None = None
    epochs: int = 10
    batch_size: int = 64
    seeds: int = 5
    fraction: float = 0.05
    teacher: str | None = None
    student: str | None = None
    cache: str | None = None
    output: str = "keras_kd_output"


def resolve(settings):
    """Checks settings and fills in what the method decides.

    Args:
        settings: A `Settings`.

    Returns:
        A `Settings` without `None` but for `data_dir`, `teacher`, `student`,
        `cache`, and for `temperature` where the method has none.

    Raises:
        UnusableError: If a value is out of range.
    """
    if not settings.dataset:
        raise UnusableError(
            "`--dataset` must be a name or a folder. Received: an empty text. "
            "Leave the flag out for the embedded digits."
        )
    method = find_method(settings.method)
    if settings.temperature is not None and method.temperature is None:
        raise UnusableError(
            f"`--temperature` must not be given with {settings.method}, since "
            "this method divides no logits. Received: --temperature="
            f"{settings.temperature:g}. Leave it out."
        )
    defaults = {
        name: getattr(method, name)
        for name in ("temperature", "loss_weight", "student_loss_weight")
        if getattr(settings, name) is None
    }
    settings = dataclasses.replace(settings, **defaults)
    _check_numbers(settings, method)
    for name in ("teacher", "student"):
        check_model_file(name, getattr(settings, name))
    if settings.cache is not None:
        _check_cache(settings)
    return settings


def _check_cache(settings):
    if os.path.realpath(settings.cache) == os.path.realpath(settings.output):
        raise UnusableError(
            "`--cache` must be another folder than `--output`, since several "
            f"jobs can use a cache. Received: --cache={settings.cache}. Name "
            "another one."
        )


def check_model_file(name, path):
    """Refuses a path without a file.

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
    """A sentence with the known names most like a mistyped one."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {', '.join(known)}."


def _check_numbers(settings, method):
    positive = ["loss_weight"]
    if method.temperature is not None:
        positive.append("temperature")
    for name in positive:
        value = getattr(settings, name)
        check(name, value, 0 < value < math.inf, "above 0")
    weight = settings.student_loss_weight
    check("student_loss_weight", weight, 0 <= weight < math.inf, "0 or more")
    for name in ("epochs", "batch_size", "seeds"):
        value = getattr(settings, name)
        check(name, value, value >= 1, "1 or more")
    fraction = settings.fraction
    check("fraction", fraction, 0 < fraction <= 1, "above 0 and at most 1")


def check(name, value, holds, rule):
    """Refuses a number that does not follow a rule.

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
    "epochs": "the number of passes over the training images",
    "batch_size": "the number of images in an update",
    "seeds": "the number of students in each arm",
    "top_k": "the number of logits to keep",
    "fraction": "the part of the training images that the students see",
}
