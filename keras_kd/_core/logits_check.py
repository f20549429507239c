"""Validates the output of a model as logits."""

import keras

from keras_kd._core import ensemble_logits
from keras_kd._core import tapped_model
from keras_kd._core.final_activations import gives_probabilities


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
