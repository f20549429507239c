"""Weights that change in a forward pass or in training."""

import contextlib
import warnings
import weakref

import keras

from keras_kd._core import model_specs
from keras_kd._core import tapped_model

# Models with a warning so far; a pass may be traced many times.
_warned = weakref.WeakSet()


@contextlib.contextmanager
def unchanged(model):
    """Keeps the weights of a model as they are while the block runs it.

    A model may assign its own variables in inference mode, such as batch
    normalisation that is called with `training=True`: such changes are dropped,
    with one warning. Seeds advance, so that a random model draws other numbers
    the next time.

    Args:
        model: A `keras.Model`.
    """
    with keras.StatelessScope() as scope:
        yield
    weights = {id(variable) for variable in model.weights}
    assigned = [
        (variable, scope.get_current_value(variable))
        for variable in model.variables
    ]
    for variable, value in assigned:
        if value is not None and id(variable) in weights:
            _warn_once(model, variable)
        elif value is not None:
            variable.assign(value)


def _warn_once(model, variable):
    if model not in _warned:
        _warned.add(model)
        warnings.warn(
            f'"{model.name}" changes its own weights when it is called with '
            f"training=False, such as {variable.path}. The changes are "
            "dropped: a teacher stays as it is.",
            stacklevel=2,
        )


def moving_weights(model, candidates):
    """Finds weights that training changes.

    Args:
        model: A built `keras.Model`, as it would be trained.
        candidates: Some of its weights.

    Returns:
        List of those that are trainable, or that a pass in training mode
        assigns, as batch normalisation does with its statistics.
    """
    trainable = {id(variable) for variable in model.trainable_weights}
    moving = [v for v in candidates if id(v) in trainable]
    others = [v for v in candidates if id(v) not in trainable]

    def look(x):
        with keras.StatelessScope() as scope:
            output = tapped_model.run(model, x, training=True)
        moving.extend(
            v for v in others if scope.get_current_value(v) is not None
        )
        return output

    if others:
        model_specs.symbolic(look, model_specs.input_spec(model))
    return moving


def shared_moving_weights(first, second):
    """Finds shared weights that training of the second model changes.

    Args:
        first: What has weights.
        second: A built `keras.Model`, as it would be trained.
    """
    known = {id(variable) for variable in first.weights}
    shared = [v for v in second.weights if id(v) in known]
    return moving_weights(second, shared)
