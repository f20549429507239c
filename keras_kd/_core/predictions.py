"""Logits of a model: its symbolic output, and those of arrays."""

import keras
import numpy as np

from keras_kd._core import ensemble_logits
from keras_kd._core import tapped_model
from keras_kd._core.final_activations import gives_probabilities

# Of a teacher that takes no size of batches.
_ROWS_AT_ONCE = 4096


def predict_logits(
    model,
    x,
    argument=None,
    batch_size=None,
    *,
    is_multi_label=False,
    dtype=None,
):
    """Asks for logits, those of an average where members answer.

    Args:
        model: A `keras.Model` that gives logits or the members' form, or
            another object whose `predict` does, such as a
            `teachers.FunctionTeacher`.
        x: Array or a structure of arrays, one row per example; an array for
            what is no model.
        argument: The caller's argument for the model. Defaults to `None`: nan
            and infinity are returned, as of a model that is to be judged.
        batch_size: Examples in a batch. Defaults to `None`, Keras's number.
        is_multi_label: Whether each logit is of a label, with a sigmoid.
            Defaults to `False`.
        dtype: Type of the result. Defaults to `None`, that of the model.

    Returns:
        NumPy array `(examples, ..., classes)`.

    Raises:
        ValueError: If there is nan or infinity, and `argument` is given.
    """
    first = next(iter(keras.tree.flatten(x)), None)
    # Also a data set, which Keras knows.
    if first is None or isinstance(first, str | bytes | int | float):
        raise TypeError(
            "`x` must be an array, or a structure of arrays, with a row for "
            f"each example. Received: x={x!r} of type {type(x).__name__}."
        )
    if isinstance(model, keras.Model):
        parts = [model.predict(x, batch_size=batch_size, verbose=0)]
    else:
        starts = range(0, len(x), _ROWS_AT_ONCE)
        parts = [model.predict(x[i : i + _ROWS_AT_ONCE]) for i in starts]
    logits = np.concatenate(
        [
            keras.ops.convert_to_numpy(
                ensemble_logits.as_logits(
                    part, dtype=dtype, is_multi_label=is_multi_label
                )
            )
            for part in parts
        ]
    )
    if argument is not None and not np.all(np.isfinite(logits)):
        name = getattr(model, "name", type(model).__name__)
        raise ValueError(
            f"`{argument}` must give finite logits, since probabilities are "
            f"made of them. Received: nan or infinity from {argument}="
            f'"{name}".'
        )
    return logits


def logits_of(model, argument):
    """Returns the symbolic output of a model, validated as logits.

    Args:
        model: Should be a built `keras.Model` with one output of logits.
        argument: What the caller calls it, for errors.

    Returns:
        A `keras.KerasTensor`, or a dict of them in the members' form.

    Raises:
        TypeError: If it is not a `keras.Model`.
        ValueError: If it is not built, has several outputs, or gives
            probabilities.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"`{argument}` must be a `keras.Model`. Received: "
            f"{argument}={model!r} of type {type(model).__name__}. What is no "
            "Keras model teaches through `teachers.FunctionTeacher`."
        )
    if not model.built:
        raise ValueError(
            f"`{argument}` must be built, since its output is found by a "
            f'call. Received: {argument}="{model.name}", built=False. Call it '
            "once on a batch, or give it an `Input` layer."
        )
    tapped = tapped_model.TappedModel(model, [None], argument)
    output, _ = tapped.symbolic()
    if keras.tree.is_nested(ensemble_logits.scores(output)):
        raise ValueError(
            f"`{argument}` must have one output, since it is to be logits. "
            f'Received: {argument}="{model.name}" with the outputs '
            f"{', '.join(tapped.outputs) or type(output).__name__}. Make a "
            "`keras.Model` of its input and one of them."
        )
    if gives_probabilities(tapped, None):
        raise ValueError(
            f"`{argument}` must give logits, since softmax or sigmoid are "
            f'applied at a temperature. Received: {argument}="{model.name}", '
            "which gives probabilities. Use `keras_kd.teachers.logits(model)`, "
            "or, if no layer makes them, "
            "`keras_kd.teachers.logits_of_probabilities(model)`."
        )
    return output
