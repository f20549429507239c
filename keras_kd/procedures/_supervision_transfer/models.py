"""Models that `supervision_transfer` is put together from."""

import keras
from keras import ops

from keras_kd import taps
from keras_kd._core.model_weights import equal_copy


def copied_graph(model):
    """A copy of a Functional or Sequential model, as a Functional one.

    What is built of its layers leaves no trace in the model itself.

    Args:
        model: A built model with one input and one output.
    """
    # Of the copy's layers, each call is one of its graph: those of a Sequential
    # model were called each time that it was built again.
    return equal_copy(
        keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    )


def trainable_copy(model):
    """A copy of a model with equal weights, in which no layer is frozen.

    Args:
        model: A built Functional model.
    """
    copy = equal_copy(model)
    # Each by itself: Keras takes no note of a value that a model has already,
    # and then does not look at the layers in it, which may have another.
    for layer in (copy, *taps.layers(copy, in_loops=True).values()):
        layer.trainable = True
    return copy


def upper_part(teacher, tap):
    """The layers of a model above one of its layers, as a model of their own.

    Args:
        teacher: A Functional model with one input and one output.
        tap: Name of one of its layers.

    Returns:
        A `keras.Model` from that layer's output to the teacher's, which is the
        identity if that layer is the last. It has the teacher's own layers,
        not copies.

    Raises:
        ValueError: If there is no such layer, it is called several times, or
            more than its output is needed for the teacher's.
    """
    layer = {layer.name: layer for layer in teacher.layers}.get(tap)
    if layer is None:
        raise ValueError(
            "`teacher_tap` must be one of the teacher's own layers, since "
            f"those above are copied. Received: teacher_tap={tap!r}. Its "
            f"layers are: {', '.join(one.name for one in teacher.layers)}."
        )
    if _num_calls(teacher, tap) > 1:
        raise ValueError(
            "`teacher_tap` must be a layer that is called once, since what is "
            "above another call of it is not what is above this one. Received: "
            f"teacher_tap={tap!r}, which is called "
            f"{_num_calls(teacher, tap)} times. Tap a layer after it."
        )
    name = f"{teacher.name}_upper"
    if layer.output is teacher.outputs[0]:
        dtype = layer.output.dtype
        inputs = keras.Input(layer.output.shape[1:], dtype=dtype)
        same = keras.layers.Identity(dtype=dtype)(inputs)
        return keras.Model(inputs, same, name=name)
    try:
        return keras.Model(layer.output, teacher.outputs[0], name=name)
    except ValueError as error:
        raise ValueError(
            "`teacher_tap` must be a layer that all that follows depends on, "
            "and nothing else, since the layers above are copied. Received: "
            f"teacher_tap={tap!r}, which is passed by. Tap the layer where "
            "the ways meet."
        ) from error


def _num_calls(model, name):
    """Counts the calls of a layer in a Functional model."""
    for entry in model.get_config()["layers"]:
        if entry["name"] == name:
            return len(entry["inbound_nodes"])
    raise KeyError(name)


def fusion(teacher, student, teacher_inputs, student_inputs):
    """A model of two modalities that averages the probabilities of both.

    Args:
        teacher: A model that gives logits. It becomes a part of the result.
        student: Another, of the same classes, which does too.
        teacher_inputs: Name of the teacher's input.
        student_inputs: Name of the student's input.

    Returns:
        A `keras.Model` from a dict with both names to logits: the logarithms
        of the mean probabilities, or of one unit the logit of their mean.
    """
    models = {teacher_inputs: teacher, student_inputs: student}
    inputs = {
        name: keras.Input(
            model.inputs[0].shape[1:], name=name, dtype=model.inputs[0].dtype
        )
        for name, model in models.items()
    }
    # A model may have the name of its input, or that of the other.
    both = [
        keras.Sequential([model], name=f"{name}_net")(inputs[name])
        for name, model in models.items()
    ]
    return keras.Model(inputs, _logits_of_mean(*both), name="fusion")


def _logits_of_mean(first, second):
    def mean(log):
        return ops.logaddexp(log(first), log(second)) - ops.log(2.0)

    if first.shape[-1] == 1:
        return mean(ops.log_sigmoid) - mean(lambda x: ops.log_sigmoid(-x))
    return mean(ops.log_softmax)
