"""A batch, taken apart: labels and sample weights, with masks.

A label that the supervised loss ignores (`ignore_class`), or that has a nan,
leaves out an example or a position:

* where an example has one label, the example is *unlabelled*: it leaves the
  supervised loss and what else reads labels, and is distilled;
* where an example has several, each for a position, the position is *void*: it
  leaves every loss and metric.
"""

import dataclasses
import functools
from typing import Any

import keras
from keras import ops

from keras_kd._core import reduction
from keras_kd._core import tapped_model

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


@dataclasses.dataclass(frozen=True)
class Examples:
    """A batch, taken apart.

    Attributes:
        x: Input of the models.
        targets: `Targets`: labels and sample weights, with masks.
        reserved: Reserved entries of the batch, by name.
        size: Number of examples.
        is_shard: Whether they are a peer's part of the batch, which may have
            none.
    """

    is_shard = False

    x: Any
    targets: Targets
    reserved: dict
    size: Any

    @functools.cached_property
    def labels(self):
        """Labels with 0 for those that do not count, or `None`."""
        return self.targets.clean_labels()

    def measured(self, output):
        """Returns the arguments of losses and metrics beside the labels.

        Args:
            output: A student's output for the examples.

        Returns:
            The output with masks of the labels, and sample weights.
        """
        marked = self.targets.marked(output)
        return marked, self.targets.weights_of_labels(marked)

    def counted(self, result):
        """Drops the outputs of placeholders; here there are none.

        Args:
            result: A `ForwardPass` of a model on `x`.
        """
        return result


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
