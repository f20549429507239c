"""Reads a batch, and refuses labels that are numbers of no class.

Keras's cross-entropy counts such labels as nothing on JAX, gives nan on a GPU
with TensorFlow, and ends in errors that name no argument elsewhere.
"""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import tapped_model
from keras_kd._training.expected import expectation
from keras_kd._training.expected import ignored_class
from keras_kd._training.targets import Examples
from keras_kd._training.targets import Targets
from keras_kd.backend.neutral import strange_labels
from keras_kd.losses.shapes import shapes_agree

# Losses whose labels are numbers of classes.
_SPARSE = ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy")


class Reader:
    """Takes batches apart.

    Args:
        output: The student's output as `KerasTensor`s.
        names: Names of the student's outputs, `()` for one without name.
        loss: The loss given to `compile`.
        mask_input: Name of the entry of `x` that tells which positions count,
            or `None`.
    """

    def __init__(self, output, names, loss, mask_input=None):
        self.output = output
        self.names = names
        self.mask_input = mask_input
        self._heads = [
            _head(
                name,
                tapped_model.pick(output, names, name).shape,
                batch.of_output(loss, names, name),
            )
            for name in (names if len(names) > 1 else [None])
        ]
        # Which outputs have a loss, where that is told by position.
        self._has_loss = None
        if isinstance(loss, list | tuple):
            self._has_loss = [one is not None for one in loss]
        # Unsigned bytes have no class -1; JAX warns of 64 bits.
        self._integers = "int64" if backend.has_float64() else "int32"

    def read(self, data):
        """Takes a batch apart, and looks for labels that do not count.

        Args:
            data: `x`, `(x, y)` or `(x, y, sample_weight)`; weights of data
                without labels may stand in a reserved entry of `x`.

        Returns:
            `Examples`.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        x, reserved = batch.split(x)
        size = batch.size(x)
        if sample_weight is None:
            sample_weight = reserved.get("sample_weight")
        positions = None
        if self.mask_input is not None:
            positions = batch.entry(x, self.mask_input, "mask_input")
            positions = ops.cast(positions, "bool")
        # PyTorch's `train_on_batch` hands over what it was given.
        y, sample_weight = keras.tree.map_structure(
            _as_tensor, (y, sample_weight)
        )
        y = self._by_position(y)
        counted = {
            head.name: _counted(self._of(head, y), head.shape, head.ignored)
            for head in self._heads
        }
        targets = Targets(
            y,
            keras.tree.map_structure(_as_float, sample_weight),
            counted,
            positions,
            self.output,
            self.names,
            has_masks=any(
                one is not None for one in (positions, *counted.values())
            ),
        )
        self._check(y)
        return Examples(x, targets, reserved, size)

    def _check(self, y):
        """Stops the run at labels of a batch; see `backend.check_labels`."""
        for head, labels in self._class_numbers(y):
            _check_positions(head, labels)
            if not keras.backend.is_float_dtype(labels.dtype):
                labels = ops.cast(labels, self._integers)
            is_strange = ops.logical_or(labels < 0, labels >= head.classes)
            if head.ignored is not None:
                ignored = ops.cast(head.ignored, labels.dtype)
                is_strange = is_strange & ops.not_equal(labels, ignored)
            backend.check_labels(is_strange, head.refusal)

    def check_arrays(self, y):
        """Validates labels before training.

        Args:
            y: Arrays, or anything else, which is not looked into.
        """
        for head, labels in self._class_numbers(self._by_position(y)):
            _check_positions(head, labels)
            numbers = ops.convert_to_numpy(labels)
            if not numbers.size or numbers.dtype.kind not in "iuf":
                continue
            if 0 <= np.min(numbers) <= np.max(numbers) < head.classes:
                continue
            # No comparison with nan, which is no label, is true.
            is_strange = (numbers < 0) | (numbers >= head.classes)
            is_strange &= numbers != head.ignored
            if np.any(is_strange):
                found = numbers[is_strange][0]
                raise ValueError(strange_labels(head.classes, found))

    def _class_numbers(self, y):
        """The heads whose labels are numbers of classes, with these, a list."""
        pairs = [(one, self._of(one, y)) for one in self._heads if one.classes]
        return [pair for pair in pairs if hasattr(pair[1], "shape")]

    def _of(self, head, y):
        """Labels of one output."""
        is_nested = keras.tree.is_nested(y)
        return batch.of_output(y, self.names, head.name) if is_nested else y

    def _by_position(self, y):
        """Labels of the outputs that have a loss, laid out for all outputs."""
        is_partial = isinstance(y, list | tuple) and len(y) < len(self.names)
        if not is_partial or self._has_loss is None:
            return y
        if len(y) != sum(self._has_loss):
            return y
        labels = iter(y)
        return [
            next(labels) if has_loss else None for has_loss in self._has_loss
        ]


@dataclasses.dataclass(frozen=True)
class Head:
    """Labels that an output may have.

    Attributes:
        name: Name of the output, `None` for the only one.
        shape: Shape of the output.
        ignored: The label that the loss leaves out, or `None`.
        classes: Number of classes if the labels are their numbers, or `None`.
        refusal: The sentence for labels that are others.
    """

    name: str | None
    shape: tuple
    ignored: int | None
    classes: int | None
    refusal: str | None


def _head(name, shape, loss):
    """The `Head` of an output with its loss."""
    ignored = ignored_class(loss)
    if isinstance(loss, str):
        loss = _of_name(loss)
    if loss is None or expectation(loss).name not in _SPARSE:
        return Head(name, shape, ignored, None, None)
    refusal = strange_labels(shape[-1], "others")
    return Head(name, shape, ignored, shape[-1], refusal)


def _of_name(name):
    try:
        return keras.losses.get(name)
    except ValueError:
        # A word such as "crossentropy", which Keras resolves by shapes.
        return None


def _check_positions(head, labels):
    """Validates that labels of positions are of those of the output."""
    given, wanted = tuple(labels.shape)[1:], tuple(head.shape)[1:-1]
    if len(given) == len(wanted) + 1 and given[-1] == 1:
        given = given[:-1]
    if wanted and len(given) == len(wanted) and not shapes_agree(given, wanted):
        raise ValueError(
            "`y` must have a label for each position of the student's output, "
            "since `loss` compares the two. Received: y of shape "
            f"{tuple(labels.shape)} for an output of shape {tuple(head.shape)}."
            " Give labels of that size, as `y[:, ::2, ::2]` of masks twice "
            "as large, or end the student in `keras.layers.UpSampling2D`."
        )


def _counted(labels, output_shape, ignored):
    """Masks the labels of one output that count; `None` if all do."""
    if labels is None or keras.tree.is_nested(labels):
        return None
    tests = []
    is_float = keras.backend.is_float_dtype(labels.dtype)
    if ignored is not None:
        # Unsigned bytes have no class -1.
        wide = labels if is_float else ops.cast(labels, "int32")
        tests.append(ops.not_equal(wide, ops.cast(ignored, wide.dtype)))
    if is_float:
        tests.append(ops.logical_not(ops.isnan(labels)))
    if not tests:
        return None
    counted = tests[0] if len(tests) == 1 else ops.logical_and(*tests)
    # The last axis is of one label: `(batch, 1)`, one-hot, or several numbers,
    # of which one that is not known leaves no label.
    if 1 < len(counted.shape) == len(output_shape):
        counted = ops.all(counted, axis=-1)
    # Labels that are not of the output's positions are one for each example.
    if len(counted.shape) > 1 and not shapes_agree(
        counted.shape, output_shape[:-1]
    ):
        counted = ops.all(counted, axis=tuple(range(1, len(counted.shape))))
    return counted


def _as_tensor(part):
    if isinstance(part, np.ndarray):
        return ops.convert_to_tensor(part)
    return part


def _as_float(weights):
    # A mask of examples may come as booleans.
    if weights is None or keras.backend.is_float_dtype(weights.dtype):
        return weights
    return ops.cast(weights, "float32")
