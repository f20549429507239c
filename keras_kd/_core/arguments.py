"""Validates numbers, names and data given as arguments."""

import dataclasses
import math
import re

import keras
import numpy as np

from keras_kd._core.kinds import check_list

_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Numbers that a hyperparameter may take.

    The ends leave room for what is computed from the number in float32, such as
    the square of a temperature times a divergence.

    Attributes:
        low: Smallest number.
        high: Largest number.
    """

    low: float
    high: float

    def __contains__(self, value):
        return self.low <= value <= self.high

    def __str__(self):
        return f"from {self.low:g} to {self.high:g}"


TEMPERATURE = Bounds(1e-3, 1e6)
WEIGHT = Bounds(0.0, 1e12)  # 0 is off.


def check_within(name, value, bounds, meaning):
    """Validates that an argument is a number within bounds.

    Args:
        name: The caller's argument.
        value: The number, as it was given.
        bounds: `Bounds`.
        meaning: A few words on the number, for the error.

    Returns:
        The number as a float.
    """
    number = as_float(value)
    if number not in bounds:
        raise ValueError(
            f"`{name}` must be a number {bounds}, since it is {meaning}, which "
            f"float32 must hold. Received: {name}={value!r}."
        )
    return number


def check_temperature(value):
    """Validates that a temperature can divide logits in float32.

    Args:
        value: The caller's argument `temperature`.

    Returns:
        The number as a float.
    """
    meaning = "what divides the logits"
    return check_within("temperature", value, TEMPERATURE, meaning)


def as_float(value):
    """Converts a number of Python, NumPy or a backend; otherwise nan."""
    if isinstance(value, bool | str | list | tuple | np.bool_):
        return math.nan
    try:
        return float(np.asarray(value).item())
    except (TypeError, ValueError, OverflowError):
        return math.nan


def check_positive(name, value, meaning):
    """Validates that an argument is a finite number above zero.

    Args:
        name: The caller's argument.
        value: What was given.
        meaning: What it is, for the error.
    """
    try:
        is_positive = 0 < float(value) < float("inf")
    except (TypeError, ValueError, OverflowError):
        is_positive = False
    if not is_positive or isinstance(value, bool | str):
        raise ValueError(
            f"`{name}` must be a positive number, since it is {meaning}. "
            f"Received: {name}={value!r}."
        )


def check_part(name, value, whole, zero=False, one=False):
    """Validates that an argument is a part, a number between 0 and 1.

    Args:
        name: The caller's argument.
        value: What was given.
        whole: What it is, for the error, such as "a part of the images".
        zero: Whether 0 is allowed. Defaults to `False`.
        one: Whether 1 is allowed. Defaults to `False`.

    Returns:
        The number as a float.
    """
    number = as_float(value)
    if not (0 < number < 1 or (zero and number == 0) or (one and number == 1)):
        rule = "between 0 and 1"
        if zero or one:
            low = "at least" if zero else "above"
            rule = f"{low} 0 and {'at most' if one else 'below'} 1"
        raise ValueError(
            f"`{name}` must be a number {rule}, since it is {whole}. Received: "
            f"{name}={value!r}."
        )
    return number


def check_name(argument, name):
    """Validates that a name can be a scope of a graph.

    Args:
        argument: The caller's argument.
        name: The name, as it was given.
    """
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ValueError(
            f"`{argument}` must consist of letters, digits, `_` and `-`, and "
            "begin with a letter or digit, since it names a scope of the graph "
            f"and a key of the logs. Received: {argument}={name!r}."
        )


def check_count(name, value, counted, least=1, is_optional=False):
    """Validates that an argument is an integer of at least `least`.

    Args:
        name: The caller's argument.
        value: What was given.
        counted: What it counts, for the error.
        least: Smallest allowed value.
        is_optional: Whether `None` is allowed too.
    """
    if is_optional and value is None:
        return
    is_integer = isinstance(value, int | np.integer)
    if isinstance(value, bool) or not is_integer or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}, since it counts "
            f"{counted}. Received: {name}={value!r}."
        )


def check_counts(counted, least=1, is_optional=False, **values):
    """Validates several arguments as `check_count` does.

    Args:
        counted: What all of them count, for the error.
        least: Smallest allowed value.
        is_optional: Whether `None` is allowed too.
        **values: What was given, by argument.
    """
    for name, value in values.items():
        check_count(name, value, counted, least, is_optional)


def check_not_empty(name, data):
    """Validates that data are not known to be empty.

    Args:
        name: The caller's argument.
        data: Arrays, a structure of arrays, a `tf.data.Dataset` or a
            `keras.utils.PyDataset`.
    """
    if hasattr(data, "cardinality"):
        # Below 0 if it is infinite or not known.
        count = int(data.cardinality())
    elif isinstance(data, keras.utils.PyDataset):
        count = data.num_batches
    else:
        leaves = keras.tree.flatten(data)
        shapes = [leaf.shape for leaf in leaves if hasattr(leaf, "shape")]
        count = min((shape[0] for shape in shapes if shape), default=None)
    if count == 0:
        raise ValueError(
            f"`{name}` must have at least one example, since there is nothing "
            f"to learn from otherwise. Received: {name} of type "
            f"{type(data).__name__} without any."
        )


def check_image_shape(image_shape, has_any_size=False):
    """Validates that a shape is that of an image, channels last.

    Args:
        image_shape: What was given.
        has_any_size: Whether height and width may be None. Defaults to `False`.
    """
    lengths = check_list("image_shape", image_shape, "numbers of pixels")
    if len(lengths) != 3:
        raise ValueError(
            "`image_shape` must be (height, width, channels), since the "
            "layers are two-dimensional. Received: image_shape="
            f"{tuple(image_shape)}."
        )
    for axis, length in enumerate(lengths):
        is_any = has_any_size and axis < 2
        check_count("image_shape", length, "pixels or channels", 1, is_any)
