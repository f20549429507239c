"""Applies sample weights to data without labels."""

import functools
import inspect

import keras

from keras_kd import batch


class UnlabelledWeights:
    """`fit` and `evaluate`, with sample weights of data without labels.

    Keras drops the weights of arrays without labels before a step sees them:
    here they travel beside `x`. Mixed in before `keras.Model`.
    """

    @functools.wraps(keras.Model.fit)
    def fit(self, *args, **kwargs):
        return super().fit(**_arguments(keras.Model.fit, self, args, kwargs))

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args, **kwargs):
        return super().evaluate(
            **_arguments(keras.Model.evaluate, self, args, kwargs)
        )


def _arguments(function, model, args, kwargs):
    """Arguments of a method by name, with weights of unlabelled data moved."""
    given = inspect.signature(function).bind(model, *args, **kwargs).arguments
    _, *names = inspect.signature(function).parameters
    # The method may take further arguments by `**kwargs`, under their names.
    arguments = {name: given[name] for name in names if name in given}
    arguments |= arguments.pop("kwargs", {})
    if arguments.get("y") is None:
        _move_weights(arguments)
    validation = arguments.get("validation_data")
    if isinstance(validation, list | tuple) and len(validation) == 3:
        x, y, weights = validation
        if y is None:
            data = {"x": x, "sample_weight": weights}
            _move_weights(data)
            arguments["validation_data"] = (data["x"],)
    return arguments


def _move_weights(arguments):
    """Moves `sample_weight` beside an `x` of arrays, in place."""
    weights = arguments.get("sample_weight")
    x = arguments.get("x")
    # A data set has its weights in its elements; Keras raises for others.
    if weights is not None and all(
        hasattr(array, "shape") for array in keras.tree.flatten(x)
    ):
        del arguments["sample_weight"]
        arguments["x"] = batch.attach(x, sample_weight=weights)
