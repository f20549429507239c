"""A model's weights: those that training changes, and copies."""

import keras

from keras_kd._core import model_specs
from keras_kd._core import tapped_model


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
    assigned = []

    def look(x):
        with keras.StatelessScope() as scope:
            output = tapped_model.run(model, x, training=True)
        # A symbolic pass on PyTorch runs it with two sizes of a batch.
        assigned[:] = [
            v for v in others if scope.get_current_value(v) is not None
        ]
        return output

    if others:
        model_specs.symbolic(look, model_specs.input_spec(model))
    return moving + assigned


def shared_moving_weights(first, second):
    """Finds shared weights that training of the second model changes.

    Args:
        first: What has weights.
        second: A built `keras.Model`, as it would be trained.
    """
    known = {id(variable) for variable in first.weights}
    shared = [v for v in second.weights if id(v) in known]
    return moving_weights(second, shared)


def fresh_copy(model):
    """A model of the same architecture with new weights.

    Args:
        model: A built `keras.Model`.
    """
    # Not `clone_model`, which copies the optimizer's state too.
    copy = type(model).from_config(model.get_config())
    if not copy.built:
        copy.build_from_config(model.get_build_config())
    return copy


def equal_copy(model):
    """A model of the same architecture with the same weights.

    Args:
        model: A built `keras.Model`.
    """
    copy = fresh_copy(model)
    copy.set_weights(model.get_weights())
    return copy


def copied_graph(model):
    """A copy of a Functional or Sequential model, as a Functional one.

    What is built of its layers leaves no trace in the model itself.

    Args:
        model: A built model with one output.
    """
    # Of the copy's layers, each call is one of its graph: those of a Sequential
    # model were called each time that it was built again.
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    return equal_copy(keras.Model(inputs, model.outputs[0], name=model.name))
