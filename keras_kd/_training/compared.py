"""Tensors that one loss compares, with masks and weights."""

import dataclasses
import functools
from typing import Any

import keras
from keras import ops

from keras_kd import batch
from keras_kd._core import ensemble_logits
from keras_kd._core import places
from keras_kd._core import reduction
from keras_kd._core import resizing
from keras_kd._training.targets import Targets


@dataclasses.dataclass(frozen=True)
class Compared:
    """Tensors that one loss compares, and what goes with them.

    Attributes:
        teacher: What is at the teacher's taps, each a tensor or a form of
            several with its Keras mask: a list of pairs.
        student: Tensors at the student's taps, each with its Keras mask.
        served: Further arguments of the loss, by name.
        targets: `Targets` of the examples.
        output: See `loss_terms.Term`.
    """

    teacher: list
    student: list
    served: dict[str, Any]
    targets: Targets
    output: str | tuple | None

    def aligned(self, loss):
        """The same in one resolution, where a loss resizes one side.

        Args:
            loss: A built `DistillationLoss`.
        """
        if loss.resize is None:
            return self
        ((teacher, teacher_mask),) = self.teacher
        ((student, student_mask),) = self.student
        resized = resizing.Resized(loss.resize, teacher, student, loss.aligned)
        found, served = self.targets, self.served
        each = keras.tree.map_structure
        if "labels" in served:
            labels = each(resized.labels, served["labels"])
            served = served | {"labels": labels}
        targets = dataclasses.replace(
            found,
            # As the labels themselves: what a model says there is no padding.
            counted=each(resized.labels, found.counted),
            positions=resized.mask(found.positions),
            weights=each(resized.weights, found.weights),
        )
        return dataclasses.replace(
            self,
            teacher=[(resized.teacher, resized.mask(teacher_mask))],
            student=[(resized.student, resized.mask(student_mask))],
            served=served,
            targets=targets,
        )

    def masks(self, loss):
        """Masks of the teacher's tensors and of the labels, a list."""
        masks = [mask for _, mask in self.teacher if mask is not None]
        if self.targets.has_masks:
            output = None if isinstance(self.output, tuple) else self.output
            masks += self.targets.masks(output, "labels" in loss.needs)
        return masks

    def masks_of_each(self, loss):
        """The masks of the labels of each of several outputs, or `None`.

        A label may be void for one output and count for another.

        Returns:
            A list with one for each tensor of the student; `[]` if the loss
            compares one output, or reads the labels of all.
        """
        if not isinstance(self.output, tuple) or "labels" in loss.needs:
            return []
        found = [self.targets.counted.get(name) for name in self.output]
        return [
            mask if mask is not None and len(mask.shape) > 1 else None
            for mask in found
        ]

    def hiding(self, masks, each=()):
        """The same with positions of the student hidden that a mask hides.

        A loss over positions, which reads `student_mask`, then leaves them
        out, if a tensor of the teacher has the same.

        Args:
            masks: A list of masks.
            each: Of each of its tensors, a mask of that one or `None`.
        """
        each = each or [None] * len(self.student)
        if not masks and all(mask is None for mask in each):
            return self
        theirs = [ensemble_logits.scores(tensor) for tensor, _ in self.teacher]
        student = []
        for (tensor, own), further in zip(self.student, each, strict=True):
            positions = [
                mask
                for mask in (*masks, further)
                if mask is not None
                and reduction.is_of_positions(mask, tensor)
                and any(reduction.is_of_positions(mask, t) for t in theirs)
            ]
            if positions:
                own = reduction.combine_masks(tensor[..., 0], own, *positions)
                tensor = reduction.with_mask(tensor, own)
            student.append((tensor, own))
        return dataclasses.replace(self, student=student)

    def weights(self, values):
        """Sample weights fitted to the values of a loss, or `None`."""
        weights = self.given_weights()
        if all(weight is None for weight in weights):
            return None
        fitted = [
            1.0 if w is None else reduction.broadcast_like(w, values, ops.mean)
            for w in weights
        ]
        # A place inside a model with several outputs has no weight of its own.
        return sum(fitted) / len(fitted)

    def position_weights(self, dtype):
        """Sample weights of the positions, by their mean over each example.

        Returns:
            `(batch, ...)`; `None` if there are none, or not one for each
            position of what is compared.
        """
        given = [w for w in self.given_weights() if w is not None]
        compared = [tensor for tensor, _ in self.student]
        compared += [ensemble_logits.scores(t) for t, _ in self.teacher]
        if len(given) != 1 or not all(
            reduction.is_of_positions(given[0], one) for one in compared
        ):
            return None
        weights = ops.cast(given[0], dtype)
        axes = tuple(range(1, len(weights.shape)))
        return ops.divide_no_nan(
            weights, ops.mean(weights, axis=axes, keepdims=True)
        )

    def given_weights(self):
        """Sample weights of the examples, a list with `None` for none."""
        found = self.targets
        if found.weights is None:
            return []
        if ops.is_tensor(found.weights):
            return [found.weights]
        return [
            weight
            for output in places.each(self.output)
            for weight in batch.members(
                batch.of_output(found.weights, found.names, output)
            )
        ]


def in_any(masks):
    """The mask of what counts in any of several outputs, a list of one or none.

    Args:
        masks: See `Compared.masks_of_each`.
    """
    if not masks or any(mask is None for mask in masks):
        return []
    if len({len(mask.shape) for mask in masks}) > 1:
        masks = [ops.any(m, axis=range(1, len(m.shape))) for m in masks]
    return [functools.reduce(ops.logical_or, masks)]
