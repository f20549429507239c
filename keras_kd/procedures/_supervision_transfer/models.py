"""Models that `supervision_transfer` is put together from."""

import keras
from keras import ops

from keras_kd import taps
from keras_kd._core.model_weights import equal_copy


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
