"""Data that come in batches, as single examples."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

# What can be gone through, and is no batches that begin anew.
_OTHERS = (tf.data.Dataset, Iterator, dict, list, tuple, str, bytes)


def is_batched(data):
    """Whether data give batches by themselves, as `fit` takes them.

    Args:
        data: A `keras.utils.PyDataset`, a function that makes a generator of
            batches, or what can be gone through again, such as a `DataLoader`
            of PyTorch, are such.
    """
    if isinstance(data, keras.utils.PyDataset):
        return True
    is_loader = hasattr(data, "__iter__") and not isinstance(data, _OTHERS)
    return (callable(data) or is_loader) and not hasattr(data, "shape")


def examples(data, argument):
    """A `tf.data.Dataset` of the examples of batches.

    Args:
        data: See `is_batched`.
        argument: What to call it in errors.

    Raises:
        ValueError: If it has no end, cannot begin anew, or has no batch.
    """
    make = _maker(data, argument)
    begun = make()
    if not hasattr(begun, "__iter__"):
        raise TypeError(
            f"`{argument}` must give batches, if it is a function. Received: "
            f"{argument}={data!r}, which returned {type(begun).__name__}."
        )
    first = next(iter(begun), None)
    if first is None:
        raise ValueError(
            f"`{argument}` must have at least one example, since the teacher "
            "is asked about each. Received: no batch."
        )

    def batches():
        return map(_as_arrays, make())

    spec = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype),
        _as_arrays(first),
    )
    return tf.data.Dataset.from_generator(
        batches, output_signature=spec
    ).unbatch()


def _maker(data, argument):
    """A function that begins the batches anew."""
    if not isinstance(data, keras.utils.PyDataset):
        if not callable(data):
            return lambda: data
        if isinstance(data(), Iterator) and data() is data():
            raise _one_shot(data, argument)
        return data
    count = data.num_batches
    if count is None:
        raise ValueError(
            f"`{argument}` must end, since its examples are counted. Received: "
            f"{argument}={data!r} with num_batches=None. Return a number."
        )
    return lambda: (data[index] for index in range(count))


def check_replayable(data, argument):
    """Validates that data can be read a second time.

    Args:
        data: Anything that a caller gives.
        argument: What to call it in errors.

    Raises:
        ValueError: If it is a generator, or another iterator.
    """
    if isinstance(data, Iterator):
        raise _one_shot(data, argument)


def _one_shot(data, argument):
    return ValueError(
        f"`{argument}` must be able to begin anew, since it is read more than "
        "once, to be stored or in each epoch. Received: "
        f"{argument} of type {type(data).__name__}, which ends for good. Pass "
        "the function that makes it, without a call: "
        f"`{argument}=batches` in place of `{argument}=batches()`."
    )


def _as_arrays(batch):
    """A batch as tuples and dicts of arrays, without a `None` at its end."""
    # Loaders make lists of the parts, which Keras takes for tuples.
    parts = list(batch) if isinstance(batch, tuple | list) else [batch]
    while parts[-1] is None:
        parts.pop()
    arrays = keras.tree.map_structure(_as_array, parts)
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


def _as_array(leaf):
    return leaf if tf.is_tensor(leaf) else np.asarray(leaf)
