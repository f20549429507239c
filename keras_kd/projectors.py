"""Layers that bring a student's feature to the shape of the teacher's.

Shapes include the batch, `None` is an unknown length, and channels are last.
A projector is linear unless one asks for an activation: a stronger one
could learn the teacher's feature in place of the student.
"""

from typing import Any

import keras

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_list
from keras_kd._types import Shape

__all__ = ["infer", "valid_convolution"]

# Weights per pair of channels grow with the square of the kernel: 25 here,
# 289 for the 17 positions that take a map from 32 to 16.
MAX_KERNEL = 5


def infer(
    student_shape: Shape, teacher_shape: Shape, *, dtype: str = "float32"
) -> keras.layers.Layer:
    """Chooses the layer that takes one shape to the other.

    | student against teacher      | layer                                 |
    |------------------------------|---------------------------------------|
    | equal                        | `Identity`                            |
    | vectors, sequences, volumes, | `Dense` over the last axis; all other |
    | rows of any kind             | axes must agree                       |
    | images of equal size         | 1x1 convolution                       |
    | larger image                 | `valid_convolution`, as in FitNets,   |
    |                              | for at most 4 more positions an axis  |
    | much larger image            | average pooling by the whole part of  |
    |                              | the ratio, then the line above, or    |
    |                              | below where more than 4 remain        |
    | smaller image, or larger in  | 1x1 convolution, then bilinear        |
    | one axis and smaller in one  | resizing, which commute               |

    A length that one shape does not have is taken from the other.

    Args:
        student_shape: Shape of the student's feature, `(batch, ..., channels)`.
        teacher_shape: Shape of the teacher's feature.
        dtype: Dtype of the layers. Defaults to `"float32"`, whatever the
            global policy.

    Returns:
        A Keras layer.

    Raises:
        ValueError: If no projector fits the two shapes.

    Example:
    >>> layer = keras_kd.projectors.infer((None, 8, 8, 16), (None, 4, 4, 32))
    >>> layer.compute_output_shape((None, 8, 8, 16))
    (None, 4, 4, 32)
    """
    _check_shapes(student_shape, teacher_shape)
    reason = obstacle(student_shape, teacher_shape)
    if reason:
        raise ValueError(
            "`student_shape` must be one that a projector can bring to "
            f"`teacher_shape`. Received: student_shape={tuple(student_shape)}, "
            f"teacher_shape={tuple(teacher_shape)}. {reason}"
        )
    if tuple(student_shape[1:]) == tuple(teacher_shape[1:]):
        return keras.layers.Identity(dtype=dtype, name="projector")
    if len(teacher_shape) == 4:
        return _image_projector(student_shape, teacher_shape, dtype)
    return keras.layers.Dense(teacher_shape[-1], dtype=dtype, name="projector")


def valid_convolution(
    student_shape: Shape,
    teacher_shape: Shape,
    *,
    dtype: str = "float32",
    **kwargs: Any,
) -> keras.layers.Conv2D:
    """The regressor of FitNets: a convolution without padding.

    Its kernel has `student - teacher + 1` positions in each axis, just enough
    for the output to have the teacher's size.

    Reference: [Romero et al., 2015](https://arxiv.org/abs/1412.6550),
    section 2.2. There it has the nonlinearity of the teacher's hint layer
    (pass `activation`), and the released code draws its kernel from U(-.05,
    .05) (pass `kernel_initializer=keras.initializers.RandomUniform(-.05,
    .05)`).

    Args:
        student_shape: Shape of the student's map, `(batch, height, width,
            channels)`.
        teacher_shape: Shape of the teacher's map, no larger than that.
        dtype: Dtype of the layer. Defaults to `"float32"`, whatever the
            global policy.
        **kwargs: Passed to `keras.layers.Conv2D`: `activation`,
            `kernel_initializer`, `kernel_constraint` ...

    Returns:
        A `keras.layers.Conv2D`, not yet built.

    Raises:
        ValueError: If a shape is not that of an image of known size, or the
            student's is the smaller.

    Example:
    >>> layer = keras_kd.projectors.valid_convolution(
    ...     (None, 10, 8, 16), (None, 8, 8, 32), activation="relu"
    ... )
    >>> layer.kernel_size
    (3, 1)
    """
    _check_shapes(student_shape, teacher_shape)
    shapes = student_shape, teacher_shape
    if not all(map(_is_image_of_known_size, shapes)) or (
        min(_kernel(_lengths(*shapes))) < 1
    ):
        raise ValueError(
            "`student_shape` must be that of an image at least as large as "
            "the teacher's, both of known size, since a convolution without "
            "padding shrinks it by a fixed number. Received: "
            f"student_shape={tuple(student_shape)}, "
            f"teacher_shape={tuple(teacher_shape)}. Use `infer` for others."
        )
    kernel_size = _kernel(_lengths(*shapes))
    kwargs = {"dtype": dtype, "name": "projector"} | kwargs
    return _convolution(teacher_shape[-1], kernel_size, **kwargs)


def obstacle(student_shape: Shape, teacher_shape: Shape) -> str | None:
    """Explains why `infer` has no projector between two shapes.

    Args:
        student_shape: Shape of the student's feature.
        teacher_shape: Shape of the teacher's feature.

    Returns:
        A sentence with a remedy, or `None` where `infer` has a projector.
    """
    if len(student_shape) != len(teacher_shape):
        return (
            "A projector meets channels and space, not rank: tap a student "
            f"layer with {len(teacher_shape)} axes."
        )
    if tuple(student_shape[1:]) == tuple(teacher_shape[1:]):
        return None
    if len(teacher_shape) < 2 or None in (student_shape[-1], teacher_shape[-1]):
        return (
            "A projector must know both numbers of channels: give the model "
            "an `Input` that fixes them."
        )
    if len(teacher_shape) == 4:
        if _needs_unknown_size(student_shape, teacher_shape):
            return (
                "A projector must know the size to which it resizes an image: "
                "give both models an `Input` that fixes it."
            )
    elif not _positions_agree(student_shape, teacher_shape):
        return (
            "A projector meets the space of images only, since nothing says "
            "which positions of these belong together: tap layers with equal "
            "positions, pass a layer that meets them as `projector`, or give a "
            'loss `resize="student"`, if both fill the same extent.'
        )
    return None


def _check_shapes(student_shape, teacher_shape):
    for name, shape in (
        ("student_shape", student_shape),
        ("teacher_shape", teacher_shape),
    ):
        for length in check_list(name, shape, "lengths of axes"):
            check_count(name, length, "places", is_optional=True)


def _is_image_of_known_size(shape):
    return len(shape) == 4 and None not in shape[1:3]


def _positions_agree(student_shape, teacher_shape):
    return all(
        ours == theirs
        for ours, theirs in _lengths(student_shape, teacher_shape)
    )


def _lengths(student_shape, teacher_shape):
    """Pairs of lengths of the axes between batch and channels."""
    pairs = zip(student_shape[1:-1], teacher_shape[1:-1], strict=True)
    # What one side does not know counts as equal; on both, any number does.
    return [
        (ours or theirs or 1, theirs or ours or 1) for ours, theirs in pairs
    ]


def _kernel(lengths):
    """Positions that a convolution without padding must span, per axis."""
    return tuple(ours - theirs + 1 for ours, theirs in lengths)


def _plan(student_shape, teacher_shape):
    """Returns the pooling and the kernel; a kernel of None means resizing."""
    lengths = _lengths(student_shape, teacher_shape)
    unpooled = [1] * len(lengths)
    ratio = [max(1, ours // theirs) for ours, theirs in lengths]
    for pooling in (unpooled, ratio):
        kernel = _kernel(
            (ours // size, theirs)
            for size, (ours, theirs) in zip(pooling, lengths, strict=True)
        )
        if all(1 <= size <= MAX_KERNEL for size in kernel):
            return tuple(pooling), kernel
    return tuple(ratio), None


def _needs_unknown_size(student_shape, teacher_shape):
    """Whether an image would be resized to an unknown size."""
    pairs = zip(student_shape[1:3], teacher_shape[1:3], strict=True)
    _, kernel = _plan(student_shape, teacher_shape)
    return kernel is None and (None, None) in pairs


def _convolution(filters, kernel_size, **kwargs):
    # Channels last, whatever the user's `keras.json` sets.
    return keras.layers.Conv2D(
        filters, kernel_size, data_format="channels_last", **kwargs
    )


def _image_projector(student_shape, teacher_shape, dtype):
    options = {"data_format": "channels_last", "dtype": dtype}
    pooling, kernel = _plan(student_shape, teacher_shape)
    layers = []
    if max(pooling) > 1:
        layers.append(keras.layers.AveragePooling2D(pooling, **options))
    layers.append(_convolution(teacher_shape[-1], kernel or 1, dtype=dtype))
    if kernel is None:
        lengths = _lengths(student_shape, teacher_shape)
        size = [theirs for _, theirs in lengths]
        layers.append(keras.layers.Resizing(*size, **options))
    # Until it is built, a Sequential casts its input to the global policy's
    # dtype (Keras 3.15), so it gets its input here.
    layers.insert(0, keras.Input(student_shape[1:], dtype=dtype))
    return keras.Sequential(layers, name="projector")
