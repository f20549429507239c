"""Names losses, and builds them for the shapes at their taps."""

import inspect
import re

import keras

from keras_kd import backend
from keras_kd._core import ensemble_logits
from keras_kd._core import heads
from keras_kd._core import places
from keras_kd._core.output_layers import OutputLayer
from keras_kd._training import checks
from keras_kd._training.mixed_examples import check_examples_apart
from keras_kd.losses import declaration


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


def build(losses, teacher, student):
    """Makes the weights of losses for the shapes at their taps.

    Args:
        losses: Distillation losses, by name.
        teacher: The teacher's `Outputs`.
        student: The student's `ModelOutputs`.

    Returns:
        The parts of the models that each loss needs, a dict by its name.

    Raises:
        ValueError: If a loss cannot compare the shapes at its taps, was built
            for others, or does not return a value per example.
    """
    _, teacher_tensors = teacher.symbolic()
    _, student_tensors = student.symbolic()
    parts = {}
    for name, loss in losses.items():
        parts[name] = _parts(name, loss, teacher, student)
        tensors = (
            places.at(loss.teacher_tap, teacher_tensors),
            places.at(loss.student_tap, student_tensors),
        )
        shapes = _gradient_shapes(name, loss, (teacher, student))
        for role, tensor in zip(("teacher", "student"), tensors, strict=True):
            layer = parts[name].get(f"{role}_output_layer")
            if layer is not None:
                logits = (*tensor.shape[:-1], layer.classes)
                shapes[f"{role}_output_layer_shape"] = logits
        _build_one(name, loss, *tensors, shapes)
    return parts


def _build_one(name, loss, teacher, student, further):
    """Makes the weights of one loss; see `build`."""
    for one in teacher if isinstance(teacher, tuple) else (teacher,):
        checks.check_form(name, loss, one)
    teacher = places.map_each(ensemble_logits.logits_spec, teacher)
    teacher, student = loss.aligned(teacher, student)
    shapes = {
        "teacher_shape": places.map_each(_shape, teacher),
        "student_shape": places.map_each(_shape, student),
        **further,
    }
    if not loss.built:
        loss.build(**shapes)
    elif not _are_alike(_built_shapes(loss), shapes):
        raise ValueError(
            f"The loss {name!r} must be used for the shapes it was "
            f"built for, {_built_shapes(loss)}. Received: {shapes}. "
            "Make a new loss for each Distiller."
        )
    layers = checks.check_layers(loss, "distillation_losses")
    if not loss.needs:
        values = loss(teacher, student, **_symbolic_weights(loss))
        check_values(name, values, student)
    _check_built(name, layers)
    if not loss.compares_examples and backend.num_replicas() > 1:
        check_examples_apart(name, loss, shapes)


def _parts(name, loss, teacher, student):
    """The parts of the models that a loss needs, by name.

    Args:
        name: Name of the loss.
        loss: A `DistillationLoss`.
        teacher: The teacher's `Outputs`.
        student: The student's `ModelOutputs`.
    """
    found = {}
    if "teacher_head" in loss.needs:
        found["teacher_head"] = heads.Head(
            teacher.model, loss.teacher_tap, name
        )
    for role, side in ("teacher", teacher), ("student", student):
        if f"{role}_output_layer" in loss.needs:
            found[f"{role}_output_layer"] = OutputLayer(
                side.model, getattr(loss, f"{role}_tap"), role, name
            )
    return found


def _gradient_shapes(name, loss, sides):
    """Shapes of input gradients, those that the loss's `build` takes."""
    if not loss.needs:
        return {}
    taken = inspect.signature(loss.build).parameters
    return {
        argument: shape
        for side in sides
        for argument, shape in side.gradient_shapes(name).items()
        if argument in taken
    }


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


def check_values(name, values, student):
    """Validates that a loss returns one value per example.

    Args:
        name: Name of the loss.
        values: What it returned.
        student: The tensor that it compared, or a tuple of several.
    """
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


def _check_built(name, layers):
    """Validates that all layers of a loss are built."""
    for path, layer in layers.items():
        if not layer.built:
            raise ValueError(
                f"The loss {name!r} must make its weights in `__init__` or "
                "`build`, since they are trained and saved with the "
                f"Distiller. Received: layer {path!r}, built=False. Call "
                f"its `build` in `build(teacher_shape, student_shape)`."
            )
