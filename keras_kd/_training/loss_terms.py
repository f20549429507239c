"""Compares what a teacher and a student produce for a batch."""

import inspect
import re

import keras

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import ensemble_logits
from keras_kd._core import heads
from keras_kd._core import places
from keras_kd._core.input_gradients import check_served
from keras_kd._training import checks
from keras_kd._training import compared
from keras_kd._training.mixed_examples import check_examples_apart
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
        self._teacher_taps = places.used(losses.values(), "teacher_tap")
        self._student_taps = places.used(losses.values(), "student_tap")
        self._heads = {
            name: heads.Head(teacher.model, loss.teacher_tap, name)
            for name, loss in losses.items()
            if "teacher_head" in loss.needs
        }
        self._build()

    def _build(self):
        """Makes the weights of the losses for the shapes at their taps."""
        _, teacher_tensors = self.teacher.symbolic()
        _, student_tensors = self.student.symbolic()
        for name, loss in self.losses.items():
            teacher = places.at(loss.teacher_tap, teacher_tensors)
            student = places.at(loss.student_tap, student_tensors)
            places.map_each(
                lambda one, name=name, loss=loss: checks.check_form(
                    name, loss, one
                ),
                teacher,
            )
            teacher = places.map_each(ensemble_logits.logits_spec, teacher)
            shapes = {
                "teacher_shape": places.map_each(_shape, teacher),
                "student_shape": places.map_each(_shape, student),
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
                values = loss(teacher, student, **_symbolic_weights(loss))
                _check_values(name, values, student)
            _check_built(name, loss)
            if backend.num_replicas() > 1 and not loss.compares_examples:
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
        taught, learned = compared.with_masks(
            self.teacher.check_finite(taught),
            {tap: student.tensors[tap] for tap in self._student_taps},
        )
        return {
            name: self._term(
                name,
                loss,
                [taught[tap] for tap in places.each(loss.teacher_tap)],
                [learned[tap] for tap in places.each(loss.student_tap)],
                self._served(name, loss, teacher, student, examples),
                examples.targets,
                student.training,
            )
            for name, loss in self.losses.items()
        }

    def _served(self, name, loss, teacher, student, examples):
        """Further arguments of a loss, by name."""
        if not loss.needs:
            return {}
        offered = {
            "labels": examples.labels,
            "example_ids": examples.reserved.get("example_ids"),
            "teacher_head": self._heads.get(name),
            **teacher.gradients.get(name, {}),
            **student.gradients.get(name, {}),
        }
        return {
            need: check_served(name, need, offered.get(need))
            for need in loss.needs
        }

    def _term(self, name, loss, taught, learned, served, targets, training):
        """This replica's share of the mean of one loss."""
        names = self.student.output_names
        output = loss.student_tap if loss.student_tap in names else None

        def check_values(values, student):
            # What others return was looked at when they were built.
            if loss.needs:
                _check_values(name, values, student)

        return compared.share(
            loss,
            compared.Compared(taught, learned, served, targets, output),
            training,
            check_values,
        )

    def penalties(self):
        """Regularisation of the losses, after they were called."""
        return [value for v in self.losses.values() for value in v.losses]


def _symbolic_weights(loss):
    """The argument of a loss that compares examples, as a `KerasTensor`."""
    if not loss.compares_examples:
        return {}
    return {declaration.WEIGHTS: keras.KerasTensor((None,), loss.compute_dtype)}


def _shape(tensor):
    return tuple(tensor.shape)


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
    if isinstance(student, tuple):
        # The one with most axes allows most.
        student = max(student, key=lambda tensor: len(tensor.shape))
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
