"""The first layers of a student, as a model of their own."""

import keras

from keras_kd import taps
from keras_kd._core import model_specs
from keras_kd._core import places
from keras_kd._core import tapped_model
from keras_kd._core.call_hooks import hooked
from keras_kd._core.kinds import check_path


def guided_part(student, guided_tap, argument="guided_tap"):
    """Returns the part of a model that leads to one of its layers.

    The part has the model's own layers, not copies, and only those that the
    output of that layer depends on. What trains the part trains these, and
    nothing else.

    Args:
        student: A built Functional or Sequential model.
        guided_tap: Path of a layer: one of the student's own, or one in a
            model that is the student's first layer, `"backbone/block3"`.
        argument: The caller's argument, for errors. Defaults to
            `"guided_tap"`.

    Returns:
        A `keras.Model` from the student's input to that layer's output.

    Raises:
        TypeError: If the student is not Functional or Sequential.
        ValueError: If there is no such layer, or the layers before it are
            not known.

    Example:

    >>> student = keras.Sequential([keras.Input((4,)),
    ...                             keras.layers.Dense(3, name="hidden"),
    ...                             keras.layers.Dense(2, name="head")])
    >>> part = guided_part(student, "hidden")
    >>> [layer.name for layer in part.layers if layer.weights]
    ['hidden']
    """
    if not _has_graph(student):
        raise TypeError(
            "`student` must be a Functional or Sequential model, since only "
            "these know which layers lead to the guided one. Received: "
            f'student="{student.name}" of type {type(student).__name__}.'
        )
    check_path(argument, guided_tap)
    if taps.find(student, guided_tap) is None:
        raise ValueError(
            taps.unknown_tap(student, (), guided_tap, "student", argument)
        )

    def refusal(reason):
        return ValueError(
            f"`{argument}` must be a layer of the student itself, or one in a "
            "model that is its first layer, called once, since only of such "
            "it is known what leads to them. Received: student="
            f'"{student.name}", {argument}={guided_tap!r}; {reason}. Build '
            "the student as `keras.Model(inner.input, head(inner.output))`."
        )

    model, path = student, guided_tap
    layer, path = places.step(model, path)
    while isinstance(layer, keras.Model):
        if not _has_graph(layer) or layer is not _first(model):
            raise refusal(f'"{layer.name}" is another kind of model')
        if not path:
            return layer
        model = layer
        layer, path = places.step(model, path)
    if _num_calls(student, layer) != 1:
        raise refusal(f'"{layer.name}" is called several times')
    is_sequential = isinstance(model, keras.Sequential)
    inputs = model.inputs[0] if is_sequential else model.input
    try:
        return keras.Model(inputs, layer.output, name=f"{student.name}_guided")
    except ValueError as error:
        raise refusal(f'"{layer.name}" belongs to another model too') from error


def _has_graph(model):
    return isinstance(model, keras.Sequential) or taps.is_functional(model)


def _first(model):
    """The first thing that is done with a model's input."""
    # Of a Functional model also what is no layer, such as a division.
    is_sequential = isinstance(model, keras.Sequential)
    for operation in model.layers if is_sequential else model.operations:
        if not isinstance(operation, keras.layers.InputLayer):
            return operation
    return None


def _num_calls(model, layer):
    """Counts the calls of a layer in a forward pass."""
    calls = []

    def count(call, *args, **kwargs):
        calls.append(layer)
        return call(*args, **kwargs)

    def run(x):
        # A symbolic pass on PyTorch runs it with two sizes of a batch.
        calls.clear()
        return tapped_model.run(model, x, training=False)

    with hooked(layer, "call", count):
        model_specs.symbolic(run, model_specs.input_spec(model))
    return len(calls)
