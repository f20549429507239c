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


def check_fit_data(name, data):
    """Validates that an argument is what `fit` trains or validates with.

    Args:
        name: The caller's argument.
        data: What was given.
    """
    if isinstance(data, list) and name == "validation_data":
        data = tuple(data)  # As Keras does.
    if isinstance(data, tuple):
        arrays = keras.tree.flatten(data)
        is_valid = len(data) in (2, 3) and all(
            hasattr(array, "shape") and array.shape for array in arrays
        )
        received = f"{name} with " + ", ".join(
            f"shape {tuple(array.shape)}"
            if hasattr(array, "shape")
            else type(array).__name__
            for array in arrays[:6]
        )
        if is_valid and len({array.shape[0] for array in arrays}) > 1:
            raise ValueError(
                f"`{name}` must have one label for each example. Received: "
                f"{received}."
            )
    elif hasattr(data, "element_spec"):
        spec = data.element_spec
        is_valid = isinstance(spec, tuple) and len(spec) in (2, 3)
        received = f"{name}, a data set of {type(spec).__name__}"
    else:
        # Of Keras or another library.
        is_valid = hasattr(data, "__iter__") or isinstance(
            data, keras.utils.PyDataset
        )
        is_valid &= not isinstance(data, str | bytes | dict | keras.Model)
        is_valid &= not hasattr(data, "shape")
        if isinstance(data, list):  # Of batches.
            is_valid = all(isinstance(batch, tuple) for batch in data)
        received = f"{name} of type {type(data).__name__}"
    if not is_valid:
        raise TypeError(
            f"`{name}` must be arrays `(x, y)`, or a data set of such batches, "
            f"since each example has a label. Received: {received}. Use "
            "`np.asarray` for lists of numbers."
        )


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
