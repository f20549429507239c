"""The regressor of FitNets, from the guided layer to the hint."""

import keras

from keras_kd import projectors
from keras_kd import taps
from keras_kd._core.maxout import CeilMaxPooling2D
from keras_kd._core.maxout import Maxout

# The authors' released code.
RANGE = 0.05

# What returns numbers of its input, or means of them.
_PASSING = (
    CeilMaxPooling2D,
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Identity,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.Reshape,
    keras.layers.SpatialDropout2D,
)
_NONLINEAR = (
    Maxout,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
)


def infer_regressor(student_shape, teacher_shape, nonlinearity):
    """Makes the layer that predicts the hint from the guided layer's output.

    For images, a convolution without padding that is just large enough to
    shrink the student's map to the teacher's; where the student's map is the
    smaller one, which the paper does not have, `projectors.infer`. For
    vectors, a dense layer.

    Reference: [Romero et al., 2015](https://arxiv.org/abs/1412.6550),
    section 2.2.

    Args:
        student_shape: Shape of the guided layer's output.
        teacher_shape: Shape of the hint.
        nonlinearity: What `nonlinearity_of` found: a layer, an activation, or
            `None`.

    Returns:
        A built `keras.Sequential`.

    Raises:
        ValueError: If no regressor leads from one shape to the other.
    """
    pieces = nonlinearity.pieces if isinstance(nonlinearity, Maxout) else 1
    wide = (*teacher_shape[:-1], teacher_shape[-1] * pieces)
    kernel_initializer = keras.initializers.RandomUniform(-RANGE, RANGE)
    # The losses compute in float32, whatever the global policy.
    layers = [keras.Input(student_shape[1:], dtype="float32")]
    if len(teacher_shape) == 2 == len(student_shape):
        layers.append(
            keras.layers.Dense(
                wide[-1], kernel_initializer=kernel_initializer, dtype="float32"
            )
        )
    elif _shrinks(student_shape, teacher_shape):
        layers.append(
            projectors.valid_convolution(
                student_shape, wide, kernel_initializer=kernel_initializer
            )
        )
    else:
        layers.append(projectors.infer(student_shape, wide))
    if isinstance(nonlinearity, keras.Layer):
        config = nonlinearity.get_config() | {"dtype": "float32"}
        config.pop("name")
        layers.append(type(nonlinearity).from_config(config))
    elif nonlinearity is not None:
        layers.append(keras.layers.Activation(nonlinearity, dtype="float32"))
    return keras.Sequential(layers, name="regressor")


def _shrinks(student_shape, teacher_shape):
    shapes = student_shape, teacher_shape
    return all(len(s) == 4 and None not in s[1:] for s in shapes) and all(
        ours >= theirs
        for ours, theirs in zip(
            student_shape[1:3], teacher_shape[1:3], strict=True
        )
    )


def nonlinearity_of(teacher, hint_tap):
    """Finds the activation of the hint layer.

    If the layer only pools, reshapes or drops, it is looked for in the layer
    before it.

    Args:
        teacher: A `keras.Model`, or a cache, whose layers are not known.
        hint_tap: Path of the layer.

    Returns:
        A layer of maxout or of a rectifier, an activation function, or `None`
        for a linear layer, and where it is not known.
    """
    if not isinstance(teacher, keras.Model):
        return None
    *outer, _ = hint_tap.split("/")
    model = taps.find(teacher, "/".join(outer)) if outer else teacher
    layer = taps.find(teacher, hint_tap)
    while isinstance(layer, _PASSING):
        layer = _before(taps.unwrapped(model), layer)
    if isinstance(layer, _NONLINEAR):
        return layer
    return getattr(layer, "activation", None)


def _before(model, layer):
    """The layer whose output another one takes, or `None`."""
    for other in getattr(model, "layers", ()):
        try:
            if other.output is layer.input:
                return other
        except (AttributeError, ValueError):
            continue  # It was never called on symbolic tensors.
    return None
