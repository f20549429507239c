"""Reads examples that are arrays, or come in batches."""

import keras
import numpy as np

from keras_kd import batch

_ARRAYS = (dict, list, tuple, str, bytes)


def read(argument, data, is_labelled=False):
    """Examples as arrays.

    Args:
        argument: The caller's argument.
        data: Arrays, or a structure of them, which are returned as they are; or
            batches of `x` or `(x, y)`: a `tf.data.Dataset`, a
            `keras.utils.PyDataset`, or what else can be gone through, such as a
            `DataLoader` of PyTorch.
        is_labelled: Whether labels of batches are read too. Defaults to
            `False`.

    Returns:
        Of batches their inputs, one behind the other; a tuple of these and of
        the labels, if there are any and they are read.

    Raises:
        ValueError: If there is no end of batches or no batch, or they cannot be
            joined.
    """
    if hasattr(data, "shape") or isinstance(data, _ARRAYS):
        return data
    batches = _batches(argument, data)
    if batches is None:
        return data
    parts = [_arrays(one, is_labelled) for one in batches]
    if not parts:
        raise ValueError(
            f"`{argument}` must have at least one example, since files are run "
            f"on it. Received: {argument} of type {type(data).__name__} "
            "without any."
        )
    try:
        joined = keras.tree.map_structure(
            lambda *leaves: np.concatenate(leaves), *parts
        )
    except (TypeError, ValueError) as error:
        shapes = dict.fromkeys(batch.described(part[0]) for part in parts)
        raise ValueError(
            f"`{argument}` must have batches of one structure, and one shape "
            "but for the number of examples, since they are joined. Received: "
            f"{' and '.join(list(shapes)[:2])}. Batch single examples with "
            "`dataset.batch(32)`, and pad those of several lengths to one."
        ) from error
    return joined if len(joined) > 1 else joined[0]


def _batches(argument, data):
    """The batches; `None` of what has none."""
    if isinstance(data, keras.utils.PyDataset):
        count = data.num_batches
        is_endless = count is None
        batches = (data[index] for index in range(count or 0))
    elif hasattr(data, "__iter__"):
        # Below -1 if it is not known.
        is_endless = hasattr(data, "cardinality") and data.cardinality() == -1
        batches = iter(data)
    else:
        return None
    if is_endless:
        raise ValueError(
            f"`{argument}` must end, since all its batches are read. Received: "
            f"{argument} of type {type(data).__name__} without an end. Take "
            "some of it, such as `dataset.take(8)`."
        )
    return batches


def _arrays(one, is_labelled):
    """The parts of a batch: its input, and its labels if they are read."""
    parts = list(one) if isinstance(one, list | tuple) else [one]
    parts = [part for part in parts if part is not None]
    if isinstance(parts[0], tuple):
        # A tuple means labels elsewhere.
        parts[0] = list(parts[0])
    return keras.tree.map_structure(
        keras.ops.convert_to_numpy, tuple(parts if is_labelled else parts[:1])
    )
