"""Shapes of a model's input and output."""

import keras

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import teacher_protocol


def symbolic(function, spec):
    """Computes shapes and dtypes of a function of a model's input."""
    failures = []

    class Pass(keras.layers.Layer):
        # A Functional model that is called on KerasTensors answers from its
        # graph and calls no layer: inside another layer it does.
        def call(self, x):
            try:
                with backend.watching():
                    result = function(x)
                # A model may return None beside its tensors; Keras raises.
                return keras.tree.map_structure(
                    lambda t: keras.ops.zeros(()) if t is None else t, result
                )
            except Exception as error:
                failures.append(error)
                raise

    try:
        return Pass(name="pass", dtype="float32", autocast=False)(spec)
    except Exception as error:
        # Without the advice that Keras wraps around it, to change `Pass`.
        raise (failures[0] if failures else error) from None


def input_spec(model):
    """The input of a built model, as `KerasTensor`s of any batch size."""
    model = taps.unwrapped(model)
    like = teacher_protocol.of(model).input_like
    if like is not None:
        return input_spec(like)
    # One with a layer whose shapes Keras cannot find has no graph.
    if isinstance(model, keras.Sequential) and hasattr(model, "inputs"):
        return _tensors_of(model.inputs[0].shape, model.inputs[0].dtype)
    if taps.is_functional(model):
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), model.input
        )
    # Keras 3.15 gives the shape that `build` took by the first name, and a dict
    # of shapes by the second if it took several.
    config = model.get_build_config() or {}
    shapes = config.get("input_shape", config.get("shapes_dict"))
    if shapes is None:
        raise ValueError(
            "The input shape of a model must be known, since taps are found "
            f'by a call. Received: "{model.name}", without a shape in its '
            "`get_build_config()`. Call its `build(input_shape)`."
        )
    return _tensors_of(shapes)


def of_lengths(spec, x):
    """The input of a model, with the lengths of a batch where they are open.

    Args:
        spec: What `input_spec` gives.
        x: A batch of it. One of another structure shows nothing.

    Returns:
        `KerasTensor`s of any batch size.
    """
    given, wanted = keras.tree.flatten(x), keras.tree.flatten(spec)
    if [len(one.shape) for one in given] != [len(one.shape) for one in wanted]:
        return spec
    filled = [
        keras.KerasTensor(
            (None, *map(_known, other.shape[1:], one.shape[1:])), other.dtype
        )
        for one, other in zip(given, wanted, strict=True)
    ]
    return keras.tree.pack_sequence_as(spec, filled)


def _known(length, other):
    return other if length is None else length


def shapes_of(spec):
    """Shapes of a structure of tensors, each a tuple."""
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape), spec)


def _tensors_of(shapes, dtype="float32"):
    """Turns a structure of shapes into one of tensors."""
    if isinstance(shapes, dict):
        return {name: _tensors_of(shape) for name, shape in shapes.items()}
    if shapes and not all(n is None or isinstance(n, int) for n in shapes):
        return [_tensors_of(shape) for shape in shapes]
    # Keras notes the batch size of the first call, which means nothing.
    return keras.KerasTensor((None, *shapes[1:]), dtype)
