"""Validates flags, lists, arrays, functions and models given as arguments."""

import json

import keras
import numpy as np

# What gives characters, bytes or keys where values were meant.
_NO_LISTS = (str, bytes, dict, set, frozenset)
# Words that Keras resolves by the shapes of labels and output.
_WORDS = ("accuracy", "acc", "crossentropy", "ce")


def check_flag(name, value, meaning):
    """Validates that an argument is True or False.

    Any other object has a truth value too: that of `"no"` is true.

    Args:
        name: The caller's argument.
        value: What was given.
        meaning: What it decides, for the error.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"`{name}` must be True or False, since it decides {meaning}. "
            f"Received: {name}={value!r}."
        )


def check_list(name, value, entries):
    """Validates that an argument is a list, tuple or array of entries.

    Args:
        name: The caller's argument.
        value: What was given.
        entries: What it has, for the error, such as "names of layers".

    Returns:
        The entries as a list.
    """
    if isinstance(value, _NO_LISTS) or not np.iterable(value):
        raise TypeError(
            f"`{name}` must be a list or tuple of {entries}. Received: {name}="
            f"{value!r} of type {type(value).__name__}."
        )
    return list(value)


def check_paths(name, value):
    """Validates that an argument is a list of paths of layers.

    Args:
        name: The caller's argument.
        value: What was given.

    Returns:
        The paths as a list.
    """
    if isinstance(value, str):
        raise TypeError(
            f"`{name}` must be a list of paths of layers, since there may be "
            f"several. Received: {name}={value!r}. Write {name}=[{value!r}]."
        )
    paths = check_list(name, value, "paths of layers")
    for path in paths:
        check_path(name, path)
    return paths


def check_path(name, value):
    """Validates that an argument is the path of a layer.

    Args:
        name: The caller's argument.
        value: What was given.
    """
    if not isinstance(value, str):
        raise TypeError(
            f"`{name}` must be the path of a layer, a string. Received: {name}="
            f"{value!r}. See `keras_kd.taps.names(model)`."
        )


def check_pair(name, value, entries):
    """Validates that an argument is a list of two entries.

    Args:
        name: The caller's argument.
        value: What was given.
        entries: What they are, for the error.

    Returns:
        A list of both.
    """
    pair = check_list(name, value, entries)
    if len(pair) != 2:
        raise ValueError(
            f"`{name}` must be a pair, {entries}. Received: {name}={value!r}."
        )
    return pair


def check_callable(name, value, call):
    """Validates that an argument can be called.

    Args:
        name: The caller's argument.
        value: What was given.
        call: What it is called with and returns, for the error.
    """
    if not callable(value):
        raise TypeError(
            f"`{name}` must be a function {call}. Received: {name}={value!r} "
            f"of type {type(value).__name__}."
        )


def as_array(name, value, contents, dtype="float64"):
    """Converts an argument to an array of numbers.

    Args:
        name: The caller's argument.
        value: What was given.
        contents: What it has, for the error, such as "a score for each seed".
        dtype: Of the array. Defaults to `"float64"`.

    Returns:
        An array of any shape.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind in "SU":  # NumPy would read numbers in them.
            raise ValueError(f"text: {array.ravel()[:1].tolist()}")
        return array.astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`{name}` must be an array of numbers, {contents}. Received: "
            f"{name} of type {type(value).__name__}, of which no array can be "
            f"made ({error})."
        ) from error


def check_model(name, model):
    """Validates that an argument is a Keras model that has its weights.

    Args:
        name: The caller's argument.
        model: What was given.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"`{name}` must be a `keras.Model`. Received: {name}={model!r} of "
            f"type {type(model).__name__}."
        )
    if not model.built:
        raise ValueError(
            f"`{name}` must be built, since a model without weights has "
            f'nothing to show. Received: {name}="{model.name}", built=False. '
            "Call it once on a batch, or give it an `Input` layer."
        )


def check_loss(name, loss):
    """Validates that an argument is what `compile` takes as `loss`.

    Keras looks at it when the training begins.

    Args:
        name: The caller's argument.
        loss: What was given; `None` is no loss.
    """
    _check_compiled(name, loss, keras.losses.get, "`loss`", "a Keras loss")


def check_metrics(name, metrics):
    """Validates that an argument is what `compile` takes as `metrics`.

    Args:
        name: The caller's argument.
        metrics: What was given; `None` is no metric.
    """
    if isinstance(metrics, str):
        raise ValueError(
            f"`{name}` must be a list of metrics. Received: {name}="
            f"{metrics!r}. Write {name}=[{metrics!r}]."
        )
    _check_compiled(
        name, metrics, keras.metrics.get, "`metrics`", "Keras metrics"
    )


def _check_compiled(name, given, get, argument, contents):
    for one in keras.tree.flatten(given):
        try:
            is_known = one is None or callable(get(one))
        except (TypeError, ValueError):
            is_known = isinstance(one, str) and one.lower() in _WORDS
        # A distillation loss compares two models, and no output with labels.
        if not is_known or isinstance(one, keras.layers.Layer):
            raise ValueError(
                f"`{name}` must be what `compile` takes as {argument}: "
                f"{contents}, the name of one, or a function of labels and "
                f"outputs. Received: {one!r} of type {type(one).__name__} in "
                f"{name}. Layers of `keras_kd.losses` are "
                "`distillation_losses` of a Distiller."
            )


def check_json(name, value):
    """Validates that an argument is a dict that JSON can hold.

    Args:
        name: The caller's argument.
        value: What was given.
    """
    if not isinstance(value, dict):
        raise TypeError(
            f"`{name}` must be a dict. Received: {name}={value!r} of type "
            f"{type(value).__name__}."
        )
    for key, entry in value.items():
        try:
            json.dumps({key: entry})
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"`{name}` must be a dict that JSON can hold, since it is kept "
                f"in a file. Received: {name}[{key!r}] of type "
                f"{type(entry).__name__} ({error}). Use numbers, strings, and "
                "lists and dicts of them."
            ) from error
