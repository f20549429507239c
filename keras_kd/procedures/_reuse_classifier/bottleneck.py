"""The projector of SimKD, from the student's features to the teacher's."""

import keras

from keras_kd import projectors
from keras_kd.procedures.regressor import nonlinearity_of

# The convolutions of the paper, and batch normalisation as in its code.
_KERNELS = (1, 3, 1)
_NORMALISATION = {"momentum": 0.9, "epsilon": 1e-5}


def bottleneck(
    student_shape, teacher_shape, reduction, dtype, is_rectified=True
):
    """Makes three convolutions, of few channels between them.

    Each has no bias and is followed by batch normalisation and a rectifier.
    Features without height and width get dense layers over the last axis. A
    larger map is pooled first by the whole part of the ratio; what does not fit
    then is resized at the end.

    Reference: [Chen et al., 2022](https://arxiv.org/abs/2203.14001), section
    3.2.

    Args:
        student_shape: Shape of the student's feature, `(batch, ..., channels)`.
        teacher_shape: Shape of the teacher's feature.
        reduction: What the teacher's channels are divided by, in between.
        dtype: Dtype policy of the layers.
        is_rectified: Whether the last layer has a rectifier too. Defaults to
            `True`.

    Returns:
        A built `keras.Sequential`.

    Raises:
        ValueError: If nothing leads from one shape to the other.
    """
    _check(student_shape, teacher_shape)
    policy = keras.dtype_policies.get(dtype)
    layers = [keras.Input(student_shape[1:], dtype=policy.compute_dtype)]
    options = {"dtype": policy}
    of_maps = options | {"data_format": "channels_last"}
    is_map = len(teacher_shape) == 4
    size = teacher_shape[1:-1]
    fits = not is_map or student_shape[1:-1] == size
    if not fits:
        pairs = zip(student_shape[1:-1], size, strict=True)
        ratio = tuple(max(1, ours // theirs) for ours, theirs in pairs)
        layers.append(keras.layers.AveragePooling2D(ratio, **of_maps))
    channels = teacher_shape[-1]
    narrow = max(1, channels // reduction)
    for width, kernel in zip((narrow, narrow, channels), _KERNELS, strict=True):
        layers += [
            keras.layers.Conv2D(
                width, kernel, padding="same", use_bias=False, **of_maps
            )
            if is_map
            else keras.layers.Dense(width, use_bias=False, **options),
            keras.layers.BatchNormalization(**_NORMALISATION, **options),
            keras.layers.ReLU(**options),
        ]
    if not is_rectified:
        layers.pop()
    made = keras.Sequential(layers, name="projector")
    if not fits and made.output_shape[1:-1] != size:
        made.add(keras.layers.Resizing(*size, **of_maps))
    return made


def _check(student_shape, teacher_shape):
    """Validates that a projector leads from one shape to the other."""
    reason = projectors.obstacle(student_shape, teacher_shape)
    sizes = student_shape[1:-1], teacher_shape[1:-1]
    is_known = None not in (*sizes[0], *sizes[1]) or sizes[0] == sizes[1]
    if not reason and len(teacher_shape) == 4 and not is_known:
        reason = (
            "Both sizes must be known: give the models an `Input` that fixes "
            "them."
        )
    if reason:
        raise ValueError(
            "`student_tap` must give features that a projector can bring to "
            f"the teacher's. Received: the student's of shape {student_shape}, "
            f"the teacher's of shape {teacher_shape}. {reason}"
        )


def is_rectified(teacher, tap):
    """Whether a layer ends in a rectifier, so that it gives nothing below 0.

    Args:
        teacher: A `keras.Model`.
        tap: Path of the layer.
    """
    found = nonlinearity_of(teacher, tap)
    if isinstance(found, keras.layers.ReLU):
        return not found.negative_slope
    return found in (keras.activations.relu, keras.activations.relu6)
