"""Refuses numbers that are out of range."""

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


def check_count(name, value, counted, least=1):
    """Refuses anything but an integer that is large enough.

    Args:
        name: The caller's argument.
        value: What was given.
        counted: What it counts, for the error.
        least: The smallest that will do.
    """
    is_integer = isinstance(value, int | np.integer)
    if isinstance(value, bool) or not is_integer or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}, since it counts "
            f"{counted}. Received: {name}={value!r}."
        )
