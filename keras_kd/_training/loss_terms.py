"""Compares what a teacher and a student produce for a batch."""

import dataclasses
from typing import Any

from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import places
from keras_kd._core import reduction
from keras_kd._core.input_gradients import check_served
from keras_kd._training import across_examples
from keras_kd._training import loss_shapes
from keras_kd._training.compared import Compared
from keras_kd._training.compared import in_any
from keras_kd.losses import declaration


class Comparison:
    """Distillation losses between the outputs of two models.

    A plain object: the losses are tracked by the Distiller itself.

    Args:
        losses: Distillation losses, by name.
        teacher: The teacher's `Outputs`.
        student: The student's `ModelOutputs`.

    Raises:
        ValueError: If a loss cannot compare the shapes at its taps, was built
            for others, or does not return a value per example.
    """

    def __init__(self, losses, teacher, student):
        self.losses = losses
        self.teacher = teacher
        self.student = student
        parts = loss_shapes.build(losses, teacher, student)
        self._terms = [
            Term(
                name,
                loss,
                places.each(loss.teacher_tap),
                places.each(loss.student_tap),
                loss.student_tap
                if set(places.each(loss.student_tap))
                <= set(student.output_names)
                else None,
                parts[name],
                declaration.takes_position_weights(loss),
            )
            for name, loss in losses.items()
        ]
        self._teacher_taps = dict.fromkeys(
            tap for term in self._terms for tap in term.teacher_taps
        )
        self._student_taps = dict.fromkeys(
            tap for term in self._terms for tap in term.student_taps
        )

    def terms(self, teacher, student, examples, replicas):
        """Computes the mean of each loss over the global batch.

        Args:
            teacher: The teacher's `ForwardPass`.
            student: The student's `ForwardPass`.
            examples: `targets.Examples` that they are of.
            replicas: Number of replicas that take part.

        Returns:
            Dict from the name of each loss to this replica's share of its
            mean, a scalar without `loss_weight`.
        """
        taught, learned = with_masks(
            {tap: teacher.tensors[tap] for tap in self._teacher_taps},
            {tap: student.tensors[tap] for tap in self._student_taps},
        )
        taught = self.teacher.check_finite(taught)
        return {
            term.name: _share(
                term,
                Compared(
                    [taught[tap] for tap in term.teacher_taps],
                    [learned[tap] for tap in term.student_taps],
                    _served(term, teacher, student, examples)
                    if term.loss.needs
                    else {},
                    examples.targets,
                    term.output,
                ),
                student.training,
                replicas,
            )
            for term in self._terms
        }

    def penalties(self):
        """Regularisation of the losses, after they were called."""
        return [value for v in self.losses.values() for value in v.losses]


@dataclasses.dataclass(frozen=True)
class Term:
    """A loss, and what is known of it before the first batch.

    Attributes:
        name: Its name in the logs.
        loss: A built `DistillationLoss`.
        teacher_taps: Its taps of the teacher, a tuple.
        student_taps: Its taps of the student, a tuple.
        output: Name of the student's output that is compared, or a tuple of
            several; `None` for a place inside, or the only output.
        parts: Parts of the models that it needs, by name.
        takes_position_weights: Whether its `call` takes weights of positions.
    """

    name: str
    loss: Any
    teacher_taps: tuple
    student_taps: tuple
    output: str | tuple | None
    parts: dict[str, Any]
    takes_position_weights: bool


def _served(term, teacher, student, examples):
    """Further arguments of a loss, by name."""
    offered = {
        "labels": examples.labels,
        "example_ids": examples.reserved.get("example_ids"),
        **term.parts,
        **teacher.gradients.get(term.name, {}),
        **student.gradients.get(term.name, {}),
    }
    return {
        need: check_served(term.name, need, offered.get(need))
        for need in term.loss.needs
    }


def _share(term, compared, training, replicas):
    """This replica's share of the mean of one loss, a scalar.

    Args:
        term: A `Term`.
        compared: What its loss compares on this replica, a `Compared`.
        training: Whether the student is in training mode.
        replicas: Number of replicas that take part.
    """
    loss = term.loss
    compared = compared.aligned(loss)
    if loss.compares_examples and replicas > 1:
        compared = across_examples.of_all_replicas(compared)
    masks, each = compared.masks(loss), compared.masks_of_each(loss)
    keras_masks = [mask for _, mask in compared.student if mask is not None]
    seen = compared = compared.hiding(masks, each)
    masks += [*keras_masks, *in_any(each)]
    served = compared.served
    if loss.compares_examples:
        served = served | {
            declaration.WEIGHTS: across_examples.weights(loss, compared, masks)
        }
        # Pairs have no weights by which they could be left out later.
        seen = across_examples.without_weightless(compared)
    if term.takes_position_weights:
        served = served | {
            declaration.POSITION_WEIGHTS: compared.position_weights(
                loss.compute_dtype
            )
        }
    teacher, student = (
        tuple(tensor for tensor, _ in pairs)
        if isinstance(tap, tuple)
        else pairs[0][0]
        for tap, pairs in (
            (loss.teacher_tap, seen.teacher),
            (loss.student_tap, seen.student),
        )
    )
    # With the mode, for what a projector may hold.
    values = loss(teacher, student, training=training, **served)
    if loss.needs:
        # What others return was looked at when they were built.
        loss_shapes.check_values(term.name, values, student)
    mean = reduction.mean(
        values, compared.weights(values), *masks, is_whole=replicas == 1
    )
    # A loss may compute in float64.
    return ops.cast(mean, "float32")


def with_masks(*several):
    """Dicts of tensors by tap, each tensor in a pair with its Keras mask."""
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
