"""Identifies the functions and estimators of a run."""

import functools

import numpy as np


def of_function(function):
    """Describes a function: its name, and its bound arguments.

    Args:
        function: A function, a `functools.partial`, another callable object,
            or `None`.

    Returns:
        Values that JSON can hold, equal for two functions of the same name.
    """
    if isinstance(function, functools.partial):
        bound = {key: _plain(v) for key, v in function.keywords.items()}
        bound.pop("verbose", None)  # Changes what is shown alone.
        return [
            of_function(function.func),
            [_plain(v) for v in function.args],
            bound,
        ]
    return None if function is None else _name(function)


def of_estimator(estimator):
    """Describes an estimator: its class and its parameters.

    Args:
        estimator: An object, with `get_params` if it is of scikit-learn.

    Returns:
        What JSON can hold.
    """
    parameters = {}
    if hasattr(estimator, "get_params"):
        parameters = estimator.get_params(deep=True)
    described = {key: _plain(value) for key, value in parameters.items()}
    return [_name(type(estimator)), described]


def _plain(value):
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return of_function(value) if callable(value) else _name(type(value))


def _name(value):
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"
