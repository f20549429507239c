"""Identifies functions and estimators, for the settings of a run."""

import functools
import hashlib
import inspect
import types

import numpy as np


def is_function(value):
    """Whether something is known by its name and code."""
    return (
        isinstance(value, functools.partial | np.ufunc | type)
        or inspect.isroutine(value)
        # Such as what `tf.function` makes.
        or (callable(value) and hasattr(value, "__wrapped__"))
    )


def of_function(function):
    """Identifies a function by its name, its code, and what is bound to it.

    Args:
        function: A function, a `functools.partial`, another callable object,
            or `None`.

    Returns:
        What JSON can hold. Functions that differ in what they call alone are
        not told apart.
    """
    if isinstance(function, functools.partial):
        bound = {key: _plain(v) for key, v in function.keywords.items()}
        bound.pop("verbose", None)  # Changes what is shown alone.
        return [
            of_function(function.func),
            [_plain(v) for v in function.args],
            bound,
        ]
    if function is None:
        return None
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return _name(function)
    cells = getattr(function, "__closure__", None) or ()
    held = [
        _enclosed(cell)
        for name, cell in zip(code.co_freevars, cells, strict=False)
        # Its own name, in a function that calls itself.
        if name != function.__name__
    ]
    defaults = [_plain(v) for v in getattr(function, "__defaults__", ()) or ()]
    text = repr((_of_code(code), held, defaults)).encode()
    return [_name(function), hashlib.sha256(text).hexdigest()]


def _of_code(code):
    """Describes the code of a function, without its place in a file."""
    constants = [
        _of_code(part) if isinstance(part, types.CodeType) else repr(part)
        for part in code.co_consts
        if not isinstance(part, frozenset)  # In no order.
    ]
    return [code.co_code.hex(), list(code.co_names), constants]


def _enclosed(cell):
    """Describes the numbers and words that a function closes over."""
    try:
        value = cell.cell_contents
    except ValueError:
        return None  # Not set yet.
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).hexdigest()
    # Others may change while they are used, such as a list of calls.
    return _name(value)


def of_estimator(estimator):
    """Identifies an estimator by its class and its parameters.

    Args:
        estimator: An object, with `get_params` if it is of scikit-learn.

    Returns:
        What JSON can hold.
    """
    parameters = {}
    if hasattr(estimator, "get_params"):
        parameters = estimator.get_params(deep=True)
    described = {key: _plain(value) for key, value in parameters.items()}
    return [of_type(estimator), described]


def of_type(value):
    """Name of the class of an object, with its module."""
    return _name(type(value))


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
    has_name = hasattr(value, "__qualname__") and hasattr(value, "__module__")
    named = value if has_name else type(value)
    return f"{named.__module__}.{named.__qualname__}"
