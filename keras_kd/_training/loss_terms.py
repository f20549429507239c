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
        teacher: The teacher's `ModelOutputs`.
        student: The student's `ModelOutputs`.

    Raises:
        ValueError: If a loss cannot compare the shapes at its taps, was built
            for others, or does not return a value per example.
    """

    def __init__(self, losses, teacher, student):
        self.losses = losses
        self.teacher = teacher
        self.student = student
        self._build()

    def _build(self):
        """Makes the weights of the losses for the shapes at their taps."""
        _, teacher_tensors = self.teacher.tapped.symbolic()
        _, student_tensors = self.student.tapped.symbolic()
        for name, loss in self.losses.items():
            teacher = teacher_tensors[loss.teacher_tap]
            student = student_tensors[loss.student_tap]
            checks.check_form(name, loss, teacher)
            shapes = {
                "teacher_shape": ensemble_logits.shape(teacher),
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
        taken = inspect.signature(loss.build).parameters
        return {
            argument: shape
            for side in (self.teacher, self.student)
            for argument, shape in side.gradients.shapes(name).items()
            if argument in taken
        }

    def terms(self, teacher, student, found, reserved):
        """Computes the mean of each loss over the global batch.

        Args:
            teacher: The teacher's `ForwardPass`.
            student: The student's `ForwardPass`.
            found: `Targets` of the batch.
            reserved: Reserved entries of the batch, by name.

        Returns:
            Dict from the name of each loss to this replica's share of its
            mean, a scalar without `loss_weight`.
        """
        tensors = self.teacher.check_finite(teacher.tensors)
        labels = found.clean_labels()
        means = {}
        for name, loss in self.losses.items():
            output = self._output(loss.student_tap)
            taught = teacher.tensors[loss.teacher_tap]
            masks = [
                ensemble_logits.read_mask(taught),
                *found.masks(output, "labels" in loss.needs),
            ]
            tensor = _hidden(student.tensors[loss.student_tap], taught, masks)
            offered = {
                "labels": labels,
                "example_ids": reserved.get("example_ids"),
                "teacher_input_gradient": teacher.input_gradients.get(name),
                "student_input_gradient": student.input_gradients.get(name),
                "teacher_input_gradient_of_view": teacher.view_gradients.get(
                    name
                ),
                "student_input_gradient_of_view": student.view_gradients.get(
                    name
                ),
            }
            values = loss(
                tensors[loss.teacher_tap],
                tensor,
                training=student.training,  # For what a projector may hold.
                **{
                    need: check_served(name, need, offered[need])
                    for need in loss.needs
                },
            )
            _check_values(name, values, tensor)
            mean = reduction.mean(
                values,
                self._weight(values, output, found.weights),
                reduction.combine_masks(
                    values, reduction.read_mask(tensor), *masks
                ),
            )
            # A loss may compute in float64.
            means[name] = ops.cast(mean, "float32")
        return means

    def _output(self, tap):
        return tap if tap in self.student.output_names else None

    def _weight(self, values, output, sample_weight):
        """Sample weights of one output, fitted to the values."""
        names = self.student.output_names
        weights = batch.members(batch.of_output(sample_weight, names, output))
        if all(weight is None for weight in weights):
            return None
        fitted = [
            1.0 if w is None else reduction.broadcast_like(w, values, ops.mean)
            for w in weights
        ]
        # A place inside a model with several outputs has no weight of its own.
        return sum(fitted) / len(fitted)


def _hidden(tensor, taught, masks):
    """A student's tensor that hides the positions that any mask hides.

    A loss over positions, which reads `student_mask`, then leaves them out, if
    the teacher's tensor has the same.
    """
    positions = [
        mask
        for mask in masks
        if mask is not None
        and reduction.is_of_positions(mask, tensor)
        and reduction.is_of_positions(mask, ensemble_logits.scores(taught))
    ]
    if not positions:
        return tensor
    own = reduction.read_mask(tensor)
    mask = reduction.combine_masks(tensor[..., 0], own, *positions)
    return reduction.with_mask(tensor, mask)


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
    checks.check_names([loss.given_name for loss in losses if loss.given_name])
    taken = {loss.given_name for loss in losses} | set(checks.RESERVED_NAMES)
    names = []
    for loss in losses:
        base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(loss).__name__)
        candidates = [base.lower()] + [
            f"{base.lower()}_{index}" for index in range(1, len(losses) + 1)
        ]
        name = loss.given_name or next(
            name for name in candidates if name not in taken
        )
        taken.add(name)
        names.append(name)
    return tuple(names)
