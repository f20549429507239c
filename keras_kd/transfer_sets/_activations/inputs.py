"""The input of a teacher, and the examples that it was trained on."""

import keras
import numpy as np

from keras_kd._core import ensemble_logits
from keras_kd._core import model_specs
from keras_kd._core.predictions import logits_of


def check_teacher(teacher):
    """Validates that inputs can be made for a teacher.

    Args:
        teacher: Should be a built `keras.Model` with one input of fixed shape
            and one output of logits, `(batch, classes)`.

    Returns:
        `(input_shape, num_classes)`, the shape of one example.
    """
    output = logits_of(teacher, "teacher")
    shape = ensemble_logits.shape(output)
    if ensemble_logits.is_members(output) or len(shape) != 2 or shape[-1] < 2:
        raise ValueError(
            "`teacher` must give logits of shape (batch, classes), since "
            "records are kept for each class. Received: teacher="
            f'"{teacher.name}", which gives {shape}.'
        )
    spec = model_specs.input_spec(teacher)
    if keras.tree.is_nested(spec) or None in spec.shape[1:]:
        shapes = keras.tree.map_structure(lambda t: tuple(t.shape), spec)
        raise ValueError(
            "`teacher` must have one input of fixed shape, since inputs are "
            f'made for it. Received: teacher="{teacher.name}", inputs={shapes}.'
        )
    if not keras.backend.is_float_dtype(spec.dtype):
        raise ValueError(
            "`teacher` must take numbers, since inputs are made by their "
            f'gradient. Received: teacher="{teacher.name}" with an input of '
            f"dtype {spec.dtype}."
        )
    for variable in teacher.weights:
        value = keras.ops.convert_to_numpy(variable)
        if not np.all(np.isfinite(value.astype("float32", copy=False))):
            raise ValueError(
                "`teacher` must have finite weights, since its activations are "
                f'relied on. Received: teacher="{teacher.name}" with nan or '
                f"infinity in {variable.path}. Load its weights again."
            )
    return tuple(spec.shape[1:]), shape[-1]


def example(teacher):
    """One random input, `(1, ...)`, to see what happens in a pass."""
    shape = model_specs.input_spec(teacher).shape[1:]
    random = np.random.default_rng(0)
    return random.random((1, *shape)).astype("float32")


def batches(data, input_shape, num_classes, batch_size):
    """Yields batches of examples with their classes.

    Args:
        data: Arrays `(x, y)` or a `tf.data.Dataset` of such batches.
        input_shape: Shape of one example.
        num_classes: Number of classes.
        batch_size: Examples in a batch, if the data are arrays.

    Yields:
        `(x, y)`: arrays of inputs and class numbers.

    Raises:
        TypeError: If the data are neither.
        ValueError: If they are infinite, or have other shapes or classes.
    """
    if hasattr(data, "element_spec"):
        if int(data.cardinality()) == -1:
            raise ValueError(
                "`data` must end, since all of them are looked at. Received: "
                "data with `repeat()`."
            )
        source = data
    elif isinstance(data, tuple) and len(data) in (2, 3):
        arrays = [np.asarray(array) for array in data[:2]]
        counts = [len(array) for array in arrays]
        if counts[0] != counts[1]:
            raise ValueError(
                "`data` must have one label for each example. Received: "
                f"{counts[0]} examples and {counts[1]} labels."
            )
        starts = range(0, counts[0], batch_size)
        parts = [slice(start, start + batch_size) for start in starts]
        source = (tuple(array[part] for array in arrays) for part in parts)
    else:
        raise TypeError(
            "`data` must be arrays `(x, y)` or a `tf.data.Dataset` of such "
            f"batches. Received: data of type {type(data).__name__}."
        )
    for batch in source:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        x = keras.ops.convert_to_numpy(x)
        y = None if y is None else keras.ops.convert_to_numpy(y)
        _check_batch(x, y, input_shape, num_classes)
        yield x, y


def _check_batch(x, y, input_shape, num_classes):
    if x.shape[1:] != input_shape:
        raise ValueError(
            f"`data` must have inputs of shape {input_shape}, since the "
            f"teacher takes those. Received: x of shape {x.shape}."
        )
    if y is None or y.ndim != 1 or y.dtype.kind not in "iu":
        found = None if y is None else f"{y.dtype} of shape {y.shape}"
        raise ValueError(
            "`data` must have a class number for each example, since records "
            f"are kept for each class. Received: y={found}. Of one-hot labels, "
            "take `argmax(-1)`."
        )
    if y.min() < 0 or y.max() >= num_classes:
        raise ValueError(
            f"`data` must have class numbers from 0 to {num_classes - 1}, "
            f"since the teacher has {num_classes} logits. Received: labels "
            f"from {y.min()} to {y.max()}."
        )
