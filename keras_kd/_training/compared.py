"""Subject of one loss in a batch: tensors with masks, and weights."""

import dataclasses
from typing import Any

import keras
from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import ensemble_logits
from keras_kd._core import places
from keras_kd._core import reduction
from keras_kd._training.targets import Targets
from keras_kd.losses import declaration


@dataclasses.dataclass(frozen=True)
class Compared:
    """Tensors that one loss compares, and what goes with them.

    Attributes:
        teacher: What is at the teacher's taps, each a tensor or a form of
            several with its Keras mask: a list of pairs.
        student: Tensors at the student's taps, each with its Keras mask.
        served: Further arguments of the loss, by name.
        targets: `Targets` of the examples.
        output: Name of the student's output that is compared; `None` for a
            place inside, or the only output.
    """

    teacher: list
    student: list
    served: dict[str, Any]
    targets: Targets
    output: str | None

    def of_all_replicas(self):
        """The same of the examples of all replicas."""
        if backend.num_replicas() == 1:
            return self
        return dataclasses.replace(
            self,
            teacher=[_marked(*pair) for pair in _joined(self.teacher)],
            student=[_marked(*pair) for pair in _joined(self.student)],
            served=_joined(self.served),
            targets=self.targets.map(_joined),
        )

    def masks(self, loss):
        """Masks of the teacher's tensors and of the labels, a list."""
        masks = [mask for _, mask in self.teacher if mask is not None]
        if self.targets.has_masks:
            masks += self.targets.masks(self.output, "labels" in loss.needs)
        return masks

    def hiding(self, masks):
        """The same with positions of the student hidden that a mask hides.

        A loss over positions, which reads `student_mask`, then leaves them
        out, if a tensor of the teacher has the same.

        Args:
            masks: A list of masks.
        """
        theirs = [ensemble_logits.scores(tensor) for tensor, _ in self.teacher]
        student = []
        for tensor, own in self.student:
            positions = [
                mask
                for mask in masks
                if reduction.is_of_positions(mask, tensor)
                and any(reduction.is_of_positions(mask, t) for t in theirs)
            ]
            if positions:
                own = reduction.combine_masks(tensor[..., 0], own, *positions)
                tensor = reduction.with_mask(tensor, own)
            student.append((tensor, own))
        return dataclasses.replace(self, student=student)

    def weights(self, values):
        """Sample weights fitted to the values of a loss, or `None`."""
        weights = self._given_weights()
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
        given = [w for w in self._given_weights() if w is not None]
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

    def weighted(self):
        """Masks of what has a weight other than 0, a list."""
        return [
            ops.not_equal(w, 0) for w in self._given_weights() if w is not None
        ]

    def _given_weights(self):
        found = self.targets
        return batch.members(
            batch.of_output(found.weights, found.names, self.output)
        )


def share(loss, compared, training, check_values):
    """This replica's share of the mean of one loss.

    Args:
        loss: A built `DistillationLoss`.
        compared: What it compares on this replica, a `Compared`.
        training: Whether the student is in training mode.
        check_values: Called with the values of the loss and the student's
            tensors.

    Returns:
        A scalar.
    """
    if loss.compares_examples:
        compared = compared.of_all_replicas()
    masks = compared.masks(loss)
    compared = compared.hiding(masks)
    masks += [mask for _, mask in compared.student]
    served = compared.served
    seen = compared
    if loss.compares_examples:
        served = served | {
            declaration.WEIGHTS: _example_weights(loss, compared, masks)
        }
        # Pairs have no weights by which they could be left out later.
        seen = compared.hiding(compared.weighted())
    if declaration.takes_position_weights(loss):
        served = served | {
            declaration.POSITION_WEIGHTS: compared.position_weights(
                loss.compute_dtype
            )
        }
    teacher, student = (
        places.unlisted(place, [tensor for tensor, _ in pairs])
        for place, pairs in (
            (loss.teacher_tap, seen.teacher),
            (loss.student_tap, seen.student),
        )
    )
    # With the mode, for what a projector may hold.
    values = loss(teacher, student, training=training, **served)
    check_values(values, student)
    mean = reduction.mean(values, compared.weights(values), *masks)
    # A loss may compute in float64.
    return ops.cast(mean, "float32")


def _example_weights(loss, compared, masks):
    """Sample weights, 0 for what masks hide: `(batch,)`."""
    (first, _), *_ = compared.student
    weights = ops.ones(ops.shape(first)[:1], loss.compute_dtype)
    mask = reduction.combine_masks(weights, *masks)
    given = compared.weights(weights)
    if given is not None:
        weights = ops.cast(given, weights.dtype)
    return weights if mask is None else ops.where(mask, weights, 0)


def with_masks(*several):
    """Dicts of tensors, each tensor with its Keras mask."""
    return [
        {
            tap: (
                tensor,
                ensemble_logits.read_mask(tensor)
                if isinstance(tensor, dict)
                else reduction.read_mask(tensor),
            )
            for tap, tensor in tensors.items()
        }
        for tensors in several
    ]


def _joined(structure):
    """Tensors with the rows of all replicas."""
    return keras.tree.map_structure(
        lambda part: backend.all_rows(part) if ops.is_tensor(part) else part,
        structure,
    )


def _marked(tensor, mask):
    """A tensor that has lost its Keras mask, and the mask."""
    if not isinstance(tensor, dict):
        tensor = reduction.with_mask(tensor, mask)
    return tensor, mask
