"""Refuses numbers that are out of range, and data of nothing."""

import keras
import numpy as np


def check_positive(name, value, meaning):
    """Refuses anything but a finite number above zero.

    Args:
        name: The caller's argument.
        value: What was given.
        meaning: What it is, for the error.
    """
    try:
        is_positive = 0 < float(value) < float("inf")
    except (TypeError, ValueError):
        is_positive = False
    if not is_positive or isinstance(value, bool | str):
        raise ValueError(
            f"`{name}` must be a positive number, since it is {meaning}. "
            f"Received: {name}={value!r}."
        )


def check_count(name, value, counted, least=1, is_optional=False):
    """Refuses anything but an integer that is large enough.

    Args:
        name: The caller's argument.
        value: What was given.
        counted: What it counts, for the error.
        least: The smallest that will do.
        is_optional: Whether `None` will do too.
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
    """Refuses what `check_count` does, of several arguments.

    Args:
        counted: What all of them count, for the error.
        least: The smallest that will do.
        is_optional: Whether `None` will do too.
        **values: What was given, by argument.
    """
    for name, value in values.items():
        check_count(name, value, counted, least, is_optional)


def check_not_empty(name, data):
    """Refuses data of which it can be told that there are none.

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
