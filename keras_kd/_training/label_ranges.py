"""Finds labels that are numbers of no class.

Keras's cross-entropy counts them as nothing on JAX, gives nan on a GPU with
TensorFlow, and ends in errors that name no argument elsewhere.
"""

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import tapped_model
from keras_kd._training.expected import expectation
from keras_kd._training.expected import ignored_class
from keras_kd.backend.neutral import strange_labels

# Losses whose labels are numbers of classes.
_SPARSE = ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy")


class LabelRanges:
    """Which numbers the labels of each output may be.

    Args:
        output: The student's output as `KerasTensor`s.
        names: Names of the student's outputs, `()` for one without name.
        loss: The loss given to `compile`.
    """

    def __init__(self, output, names, loss):
        self._names = names
        self._heads = []
        for name in names if len(names) > 1 else [None]:
            given = batch.of_output(loss, names, name)
            if isinstance(given, str):
                given = _of_name(given)
            classes = tapped_model.pick(output, names, name).shape[-1]
            if given is not None and expectation(given).name in _SPARSE:
                self._heads.append((name, classes, ignored_class(given)))

    def _labels(self, y):
        """Labels with what they may be, of each output that has both."""
        for name, classes, ignored in self._heads:
            is_nested = keras.tree.is_nested(y)
            labels = batch.of_output(y, self._names, name) if is_nested else y
            if hasattr(labels, "shape"):
                yield labels, classes, ignored

    def check_arrays(self, y):
        """Validates labels before training.

        Args:
            y: Arrays, or anything else, which is not looked into.
        """
        for labels, classes, ignored in self._labels(y):
            numbers = ops.convert_to_numpy(labels)
            if not numbers.size or numbers.dtype.kind not in "iuf":
                continue
            if 0 <= np.min(numbers) <= np.max(numbers) < classes:
                continue
            # No comparison with nan, which is no label, is true.
            is_strange = (numbers < 0) | (numbers >= classes)
            is_strange &= numbers != ignored
            if np.any(is_strange):
                found = numbers[is_strange][0]
                raise ValueError(strange_labels(classes, found))

    def check(self, y):
        """Stops the run at labels of a batch; see `backend.check_labels`."""
        for labels, classes, ignored in self._labels(y):
            if not keras.backend.is_float_dtype(labels.dtype):
                # Unsigned bytes have no class -1; JAX warns of 64 bits.
                bits = 64 if backend.has_float64() else 32
                labels = ops.cast(labels, f"int{bits}")
            is_strange = ops.logical_or(labels < 0, labels >= classes)
            if ignored is not None:
                is_ignored = ops.equal(labels, ops.cast(ignored, labels.dtype))
                is_strange = is_strange & ops.logical_not(is_ignored)
            message = strange_labels(classes, "others")
            backend.check_labels(is_strange, message)


def _of_name(name):
    try:
        return keras.losses.get(name)
    except ValueError:
        # A word such as "crossentropy", which Keras resolves by shapes.
        return None
