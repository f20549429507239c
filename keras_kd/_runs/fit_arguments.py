"""Validates what a procedure hands on to its fits, before anything is done."""

import keras
import numpy as np

from keras_kd._core.kinds import check_list


def check_fits(arguments):
    """Validates what a procedure hands on to its fits, before anything is done.

    Args:
        arguments: See `Stages`: of the names that several procedures have.
    """
    for name in ("optimizer", "fine_tuning_optimizer"):
        if name == "optimizer" or arguments.get(name) is not None:
            new_optimizer(arguments[name], name)
    given = arguments["callbacks"]
    for one in check_list("callbacks", given, "Keras callbacks"):
        if not isinstance(one, keras.callbacks.Callback):
            raise TypeError(
                "`callbacks` must be a list of Keras callbacks. Received: "
                f"{one!r} of type {type(one).__name__} in callbacks."
            )
    for name in ("data", "validation_data"):
        if arguments.get(name) is not None:
            check_fit_data(name, arguments[name])


def check_fit_data(name, data, may_weigh=True):
    """Validates that an argument is what `fit` trains or validates with.

    Args:
        name: The caller's argument.
        data: What was given.
        may_weigh: Whether arrays may come with sample weights. Defaults to
            `True`.
    """
    if isinstance(data, list) and name == "validation_data":
        data = tuple(data)  # As Keras does.
    kind = f"{name} of type {type(data).__name__}"
    if isinstance(data, tuple):
        _check_arrays(name, data)
        is_valid = len(data) == 2 or (may_weigh and len(data) == 3)
        kind = f"a tuple of {len(data)}"
    elif hasattr(data, "element_spec"):
        spec = data.element_spec
        is_valid = isinstance(spec, tuple) and len(spec) in (2, 3)
        kind = f"a data set of {type(spec).__name__}"
    elif isinstance(data, list):  # Of batches.
        is_valid = all(isinstance(batch, tuple) for batch in data)
    else:  # A data set of Keras or another library.
        is_valid = hasattr(data, "__iter__") or isinstance(
            data, keras.utils.PyDataset
        )
        is_valid &= not isinstance(data, str | bytes | dict | keras.Model)
        is_valid &= not hasattr(data, "shape")
    if not is_valid:
        raise ValueError(
            f"`{name}` must be arrays `(x, y)` or a data set of such batches, "
            f"since examples without labels teach no class. Received: {kind}."
        )


def _check_arrays(name, parts):
    """Validates that all are arrays, or structures of such, of equal length."""
    leaves = [
        leaf
        for part in parts
        for leaf in (_leaves(part) if keras.tree.is_nested(part) else [part])
    ]
    shapes = [
        tuple(leaf.shape) if hasattr(leaf, "shape") else type(leaf).__name__
        for leaf in leaves
    ]
    lengths = {shape[:1] for shape in shapes}
    if str in map(type, shapes) or () in lengths or len(lengths) > 1:
        raise ValueError(
            f"`{name}` must hold arrays of equal length, with one label for "
            f"each example. Received: {', '.join(map(str, shapes))}."
        )


def _leaves(part):
    """The arrays in a structure, or the structure where it has others."""
    leaves = keras.tree.flatten(part)
    return leaves if all(hasattr(x, "shape") for x in leaves) else [part]


def check_labels(name, data, logits, may_lack=False):
    """Validates labels of arrays against the classes of an output.

    Numbers of no class would count as nothing.

    Args:
        name: The caller's argument.
        data: Arrays `(x, y)`. Anything else is not looked into.
        logits: Shape of the output, `(batch, ..., classes)`.
        may_lack: Whether nan stands for no label. Defaults to `False`.
    """
    if not isinstance(data, list | tuple):
        return
    labels = np.asarray(data[1])
    *places, classes = logits[1:]
    if labels.ndim == len(logits) and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.ndim == len(logits) and labels.shape[-1] == classes:
        return  # Probabilities.
    classes = max(2, classes)  # One logit stands for two classes.
    is_strange = ~np.isin(labels, np.arange(classes))
    if may_lack and labels.dtype.kind == "f":
        is_strange &= ~np.isnan(labels)
    if labels.ndim != len(places) + 1:
        received = f"labels of shape {labels.shape}"
    elif np.any(is_strange):
        received = f"labels such as {labels[is_strange].flat[0]}"
    else:
        return
    raise ValueError(
        f"`{name}` must have as labels whole numbers from 0 to {classes - 1}, "
        f"or probabilities, since the model has {classes} classes. Received: "
        f"{received}."
    )


def new_optimizer(optimizer, argument="optimizer"):
    """A fresh optimizer like the one given, for a stage of its own.

    Args:
        optimizer: A Keras optimizer or its name.
        argument: What the caller calls it, for errors.
    """
    try:
        optimizer = keras.optimizers.get(optimizer)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{argument}` must be a Keras optimizer or its name. Received: "
            f"{argument}={optimizer!r}. See `keras.optimizers`."
        ) from error
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise TypeError(
            f"`{argument}` must be a Keras optimizer or its name. Received: "
            f"{argument}={optimizer!r} of type {type(optimizer).__name__}. "
            "See `keras.optimizers`."
        )
    return type(optimizer).from_config(optimizer.get_config())
