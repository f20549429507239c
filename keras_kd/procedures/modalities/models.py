"""Models that `supervision_transfer` is put together from."""

import keras
from keras import ops

from keras_kd import taps
from keras_kd.teachers.wrapped import logits_of


def upper_part(teacher, tap):
    """The layers of a model above one of its layers, as a model of their own.

    Args:
        teacher: A built Functional or Sequential model that gives logits.
        tap: Name of one of its layers.

    Returns:
        A `keras.Model` from that layer's output to the logits. It has the
        teacher's own layers, not copies.

    Raises:
        TypeError: If the teacher is not Functional or Sequential.
        ValueError: If there is no such layer, or more than its output is
            needed for the logits.
    """
    is_sequential = isinstance(teacher, keras.Sequential)
    if not (is_sequential or taps.is_functional(teacher)):
        raise TypeError(
            "`teacher` must be a Functional or Sequential model, since only "
            "of these it is known which layers come after another. Received: "
            f'teacher="{teacher.name}" of type {type(teacher).__name__}.'
        )
    logits_of(teacher, "teacher")
    layer = {layer.name: layer for layer in teacher.layers}.get(tap)
    if layer is None:
        raise ValueError(
            "`teacher_tap` must be one of the teacher's own layers, since "
            f"those above are copied. Received: teacher_tap={tap!r}. Its "
            f"layers are: {', '.join(one.name for one in teacher.layers)}."
        )
    if is_sequential:
        above = teacher.layers[teacher.layers.index(layer) + 1 :]
        return keras.Sequential(
            [keras.Input(layer.output.shape[1:]), *above],
            name=f"{teacher.name}_upper",
        )
    try:
        return keras.Model(
            layer.output, teacher.output, name=f"{teacher.name}_upper"
        )
    except ValueError as error:
        raise ValueError(
            "`teacher_tap` must be a layer that all that follows depends on, "
            "and nothing else, since the layers above are copied. Received: "
            f"teacher_tap={tap!r}, which is passed by. Tap the layer where "
            "the ways meet."
        ) from error


def fusion(teacher, student, teacher_inputs, student_inputs):
    """A model of two modalities that averages the probabilities of both.

    Args:
        teacher: A model that gives logits.
        student: Another, of the same classes.
        teacher_inputs: Name of the teacher's input.
        student_inputs: Name of the student's input.

    Returns:
        A `keras.Model` from a dict with both names to the logarithms of the
        mean probabilities.
    """
    models = {teacher_inputs: teacher, student_inputs: student}
    inputs = {
        name: keras.Input(model.inputs[0].shape[1:], name=name)
        for name, model in models.items()
    }
    # A model may have the name of its input, or that of the other.
    both = [
        keras.Sequential([model], name=f"{name}_net")(inputs[name])
        for name, model in models.items()
    ]
    both = [ops.log_softmax(logits) for logits in both]
    mean = ops.logaddexp(*both) - ops.log(2.0)
    return keras.Model(inputs, mean, name="fusion")
