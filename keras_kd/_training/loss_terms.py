"""Compares what a teacher and a student produce for a batch."""

import inspect
import re

from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd import taps
from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core.input_gradients import check_served
from keras_kd._training import checks
from keras_kd._training.mixed_examples import check_examples_apart


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
        self._teacher_taps = {loss.teacher_tap for loss in losses.values()}
        self._student_taps = {loss.student_tap for loss in losses.values()}
        self._build()

    def _build(self):
        """Makes the weights of the losses for the shapes at their taps."""
        _, teacher_tensors = self.teacher.symbolic()
        _, student_tensors = self.student.symbolic()
        for name, loss in self.losses.items():
            teacher = teacher_tensors[loss.teacher_tap]
            student = student_tensors[loss.student_tap]
            checks.check_form(name, loss, teacher)
            teacher = ensemble_logits.logits_spec(teacher)
            shapes = {
                "teacher_shape": tuple(teacher.shape),
                "student_shape": tuple(student.shape),
            }
            shapes |= self._gradient_shapes(name, loss)
            if not loss.built:
                loss.build(**shapes)
            elif not _are_alike(_built_shapes(loss), shapes):
                raise ValueError(
                    f"The loss {name!r} must be used for the shapes it was "
                    f"built for, {_built_shapes(loss)}. Received: {shapes}. "
                    "Make a new loss for each Distiller."
                )
            if not loss.needs:
                _check_values(name, loss(teacher, student), student)
            _check_built(name, loss)
            if backend.num_replicas() > 1:
                check_examples_apart(name, loss, shapes)

    def _gradient_shapes(self, name, loss):
        """Shapes of input gradients, those that the loss's `build` takes."""
        if not loss.needs:
            return {}
        taken = inspect.signature(loss.build).parameters
        return {
            argument: shape
            for side in (self.teacher, self.student)
            for argument, shape in side.gradient_shapes(name).items()
            if argument in taken
        }

    def terms(self, teacher, student, examples):
        """Computes the mean of each loss over the global batch.

        Args:
            teacher: The teacher's `ForwardPass`.
            student: The student's `ForwardPass`.
            examples: `examples.Examples` that they are of.

        Returns:
            Dict from the name of each loss to this replica's share of its
            mean, a scalar without `loss_weight`.
        """
        taught = {tap: teacher.tensors[tap] for tap in self._teacher_taps}
        taught, learned = _with_masks(
            self.teacher.check_finite(taught),
            {tap: student.tensors[tap] for tap in self._student_taps},
        )
        return {
            name: self._term(
                name,
                loss,
                taught[loss.teacher_tap],
                learned[loss.student_tap],
                self._served(name, loss, teacher, student, examples)
                if loss.needs
                else {},
                examples.targets,
                student.training,
            )
            for name, loss in self.losses.items()
        }

    def _served(self, name, loss, teacher, student, examples):
        """Further arguments of a loss, by name."""
        offered = {
            "labels": examples.labels,
            "example_ids": examples.reserved.get("example_ids"),
            **teacher.gradients.get(name, {}),
            **student.gradients.get(name, {}),
        }
        return {
            need: check_served(name, need, offered.get(need))
            for need in loss.needs
        }

    def _term(self, name, loss, taught, learned, served, found, training):
        """This replica's share of the mean of one loss."""
        names = self.student.output_names
        output = loss.student_tap if loss.student_tap in names else None
        (teacher, teacher_mask), (student, student_mask) = taught, learned
        masks = [] if teacher_mask is None else [teacher_mask]
        if found.has_masks:
            masks += found.masks(output, "labels" in loss.needs)
        if masks:
            student, student_mask = _hidden(
                student, student_mask, teacher, masks
            )
        values = loss(
            teacher,
            student,
            training=training,  # For what a projector may hold.
            **served,
        )
        if loss.needs:
            # What others return was looked at when they were built.
            _check_values(name, values, student)
        weights = None
        if found.weights is not None:
            weights = _weights(values, names, output, found.weights)
        mean = reduction.mean(values, weights, student_mask, *masks)
        # A loss may compute in float64.
        return ops.cast(mean, "float32")

    def penalties(self):
        """Regularisation of the losses, after they were called."""
        return [value for v in self.losses.values() for value in v.losses]


def _weights(values, names, output, sample_weight):
    """Sample weights of one output, fitted to the values."""
    weights = batch.members(batch.of_output(sample_weight, names, output))
    if all(weight is None for weight in weights):
        return None
    fitted = [
        1.0 if w is None else reduction.broadcast_like(w, values, ops.mean)
        for w in weights
    ]
    # A place inside a model with several outputs has no weight of its own.
    return sum(fitted) / len(fitted)


def _with_masks(*several):
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


def _hidden(student, own, teacher, masks):
    """A student's tensor that hides the positions that any mask hides.

    A loss over positions, which reads `student_mask`, then leaves them out, if
    the teacher's tensor has the same.

    Args:
        student: The student's tensor.
        own: Its Keras mask, or `None`.
        teacher: The teacher's tensor.
        masks: Other masks.

    Returns:
        The tensor and its mask.
    """
    positions = [
        mask
        for mask in masks
        if reduction.is_of_positions(mask, student)
        and reduction.is_of_positions(mask, ensemble_logits.scores(teacher))
    ]
    if not positions:
        return student, own
    mask = reduction.combine_masks(student[..., 0], own, *positions)
    return reduction.with_mask(student, mask), mask


def _built_shapes(loss):
    config = loss.get_build_config() or {}
    shapes = config.get("shapes_dict", config)
    return _as_tuples(shapes)


def _as_tuples(structure, first_axis=0):
    """Structures of shapes as dicts and tuples, without the first axes."""
    if isinstance(structure, dict):
        return {k: _as_tuples(v, first_axis) for k, v in structure.items()}
    if structure and not all(
        n is None or isinstance(n, int) for n in structure
    ):
        return tuple(_as_tuples(part, first_axis) for part in structure)
    return tuple(structure[first_axis:])


def _are_alike(first, second):
    """Whether shapes are equal but for the batch."""
    return _as_tuples(first, 1) == _as_tuples(second, 1)


def _check_values(name, values, student):
    """Validates that a loss returns one value per example."""
    shape = tuple(values.shape)
    is_like_student = len(shape) >= max(2, len(student.shape))
    if not shape or shape[0] not in (None, student.shape[0]) or is_like_student:
        raise ValueError(
            f"The loss {name!r} must return one value per example, (batch,), "
            "since the Distiller averages with sample weights and masks. "
            f"Received: {f'shape {shape}' if shape else 'a scalar'} for a "
            f"student's tensor of shape {tuple(student.shape)}. Average over "
            "all axes but the batch, or the batch and the steps."
        )


def _check_built(name, loss):
    """Validates that all layers of a loss are built."""
    for path, layer in taps.layers(loss).items():
        if not layer.built:
            raise ValueError(
                f"The loss {name!r} must make its weights in `__init__` or "
                "`build`, since they are trained and saved with the "
                f"Distiller. Received: layer {path!r}, built=False. Call "
                f"its `build` in `build(teacher_shape, student_shape)`."
            )


def name_losses(losses):
    """Names of the losses in the logs: given, or made from the class."""
    checks.check_names([loss.log_name for loss in losses if loss.log_name])
    taken = {loss.log_name for loss in losses} | set(checks.RESERVED_NAMES)
    names = []
    for loss in losses:
        base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(loss).__name__)
        candidates = [base.lower()] + [
            f"{base.lower()}_{index}" for index in range(1, len(losses) + 1)
        ]
        name = loss.log_name or next(
            name for name in candidates if name not in taken
        )
        taken.add(name)
        names.append(name)
    return tuple(names)
