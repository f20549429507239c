"""Labels and sample weights of a batch, with masks.

A label that the supervised loss ignores (`ignore_class`), or that has a nan,
leaves out an example or a position:

* where an example has one label, the example is *unlabelled*: it leaves the
  supervised loss and what else reads labels, and is distilled;
* where an example has several, each for a position, the position is *void*: it
  leaves every loss and metric.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from keras_kd import batch
from keras_kd._core import reduction
from keras_kd._core import tapped_model
from keras_kd._training.expected import ignored_class
from keras_kd.losses.shapes import shapes_agree

# Fields of `Targets` with one row for each example.
TENSORS = ("labels", "weights", "counted", "positions")


@dataclasses.dataclass(frozen=True)
class Targets:
    """Labels and sample weights of a batch, with the masks that they imply.

    Attributes:
        labels: Labels as they came, of any structure, or `None`.
        weights: Sample weights in floats, of any structure, or `None`.
        counted: For each output of the student, by name and by `None` for the
            only one, which labels count: boolean, `(batch, ...)`, or `None` for
            all.
        positions: Which positions of the input count: boolean, `(batch, ...)`,
            or `None` for all.
        output: The student's output as `KerasTensor`s.
        names: Names of the student's outputs, `()` for one without name.
        has_masks: Whether any label or position may not count.
    """

    labels: Any
    weights: Any
    counted: dict
    positions: Any
    output: Any
    names: tuple
    has_masks: bool

    def map(self, function):
        """The same with another tensor for each.

        Args:
            function: From a tensor to a tensor.
        """
        tensors = {field: getattr(self, field) for field in TENSORS}
        tensors = keras.tree.map_structure(
            lambda t: None if t is None else function(t), tensors
        )
        return dataclasses.replace(self, **tensors)

    def masks(self, output, reads_labels=False):
        """Masks of a comparison of teacher and student, a list.

        Args:
            output: Name of the output that is compared, `None` for a place
                inside the model or the only output.
            reads_labels: Whether the comparison needs the labels too.
        """
        found = [self.counted.get(output if len(self.names) > 1 else None)]
        if reads_labels and output is None:
            # All labels are at hand inside a model with several outputs.
            found = list(self.counted.values())
        found = [
            counted
            for counted in found
            if counted is not None and (reads_labels or len(counted.shape) > 1)
        ]
        return found if self.positions is None else [self.positions, *found]

    def clean_labels(self, is_cleaned=lambda output: True):
        """Labels with 0 for those that do not count.

        Args:
            is_cleaned: From the name of an output to whether to do so.
        """

        def clean(output, labels):
            mask = self.counted.get(output)
            if mask is None or labels is None or not is_cleaned(output):
                return labels
            return reduction.zero_hidden(labels, mask)

        return self._by_output(self.labels, clean)

    def marked(self, outputs):
        """The student's outputs, with Keras masks of the labels that count.

        Keras's losses and metrics leave out what the mask hides.

        Args:
            outputs: What the student returned.
        """

        def mark(output, tensor):
            masks = [self.counted.get(output)]
            positions = self.positions
            if positions is not None and reduction.is_of_positions(
                positions, tensor
            ):
                masks.append(positions)
            masks = [mask for mask in masks if mask is not None]
            if not masks:
                return tensor
            own = reduction.read_mask(tensor)
            # Of this rank are the values of a loss.
            values = tensor[..., 0] if len(tensor.shape) > 1 else tensor
            mask = reduction.combine_masks(values, own, *masks)
            return reduction.with_mask(tensor, mask)

        return self._by_output(outputs, mark)

    def weights_of_labels(self, marked):
        """Sample weights in the rank of the labels' losses.

        Keras would take one weight per example for one per position.

        Args:
            marked: The student's outputs with masks, as `marked` gives them.
        """

        def spread(output, weights):
            tensor = tapped_model.pick(marked, self.names, output)
            while weights is not None and len(weights.shape) < (
                len(tensor.shape) - 1
            ):
                weights = ops.expand_dims(weights, axis=-1)
            mask = reduction.read_mask(tensor)
            if mask is None or weights is None:
                return weights
            # A copy of full size: on PyTorch, Keras 3.15 multiplies the weights
            # themselves by the mask.
            return weights * ops.ones_like(mask, weights.dtype)

        weights = self.weights
        if len(self.names) > 1 and ops.is_tensor(weights):
            if all(len(t.shape) < 3 for t in keras.tree.flatten(self.output)):
                return weights
            weights = (
                dict.fromkeys(self.names, weights)
                if isinstance(self.output, dict)
                else [weights] * len(self.names)
            )
        return self._by_output(weights, spread)

    def _by_output(self, structure, function):
        """Applies a function of a name and a value to what has one per output.

        The structure may lack outputs.
        """
        has_names = len(self.names) > 1
        if isinstance(structure, dict):
            return {
                key: function(key if has_names else None, value)
                for key, value in structure.items()
            }
        if isinstance(structure, list | tuple):
            names = self.names if has_names else [None]
            return type(structure)(
                function(name, value)
                for name, value in zip(names, structure, strict=True)
            )
        return None if structure is None else function(None, structure)


class Reader:
    """Reads the labels and weights of batches.

    Args:
        output: The student's output as `KerasTensor`s.
        names: Names of the student's outputs, `()` for one without name.
        loss: The loss given to `compile`, for its `ignore_class`.
    """

    def __init__(self, output, names, loss):
        self.output = output
        self.names = names
        self._heads = [
            (
                name,
                tapped_model.pick(output, names, name).shape,
                ignored_class(batch.of_output(loss, names, name)),
            )
            for name in (names if len(names) > 1 else [None])
        ]
        # Which outputs have a loss, where that is told by position.
        self._has_loss = None
        if isinstance(loss, list | tuple):
            self._has_loss = [one is not None for one in loss]

    def read(self, y, sample_weight, positions=None):
        """Looks for labels that do not count.

        Args:
            y: Labels, or `None`.
            sample_weight: Sample weights of any dtype, or `None`.
            positions: Which positions of the input count, of any dtype, or
                `None`.

        Returns:
            `Targets`.
        """
        y = self._by_position(y)
        is_nested = keras.tree.is_nested(y)
        counted = {
            name: _counted(
                batch.of_output(y, self.names, name) if is_nested else y,
                shape,
                ignored,
            )
            for name, shape, ignored in self._heads
        }
        if positions is not None:
            positions = ops.cast(positions, "bool")
        found = [positions, *counted.values()]
        return Targets(
            y,
            keras.tree.map_structure(_as_float, sample_weight),
            counted,
            positions,
            self.output,
            self.names,
            has_masks=any(one is not None for one in found),
        )

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


def joined(several):
    """Joins the targets of several parts of a batch.

    Args:
        several: List of `Targets` of the same outputs.
    """

    def join(*tensors):
        return None if tensors[0] is None else ops.concatenate(tensors, axis=0)

    parts = [{f: getattr(one, f) for f in TENSORS} for one in several]
    return dataclasses.replace(
        several[0], **keras.tree.map_structure(join, *parts)
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


def _as_float(weights):
    # A mask of examples may come as booleans.
    if weights is None or keras.backend.is_float_dtype(weights.dtype):
        return weights
    return ops.cast(weights, "float32")
