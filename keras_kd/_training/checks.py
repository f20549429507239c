"""Validates models and losses before training."""

import keras
import numpy as np

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import ensemble_logits
from keras_kd._core import teacher_protocol
from keras_kd._core.final_activations import gives_probabilities
from keras_kd._core.model_weights import shared_moving_weights
from keras_kd._core.predictions import logits_of
from keras_kd.backend.neutral import check_distribution
from keras_kd.losses import DistillationLoss
from keras_kd.teachers.function import FunctionTeacher

# Keys of the logs that are not the name of a loss.
RESERVED_NAMES = ("loss", "student_loss")


def check_model(model, role):
    """Validates that a model is built, or a cache of a teacher."""
    if role == "teacher" and teacher_protocol.of(model).is_cache:
        return
    if isinstance(model, FunctionTeacher):
        raise TypeError(
            f"`{role}` must be a `keras.Model`, since it runs inside the "
            f"training step. Received: {role}={model!r}. Keep what it says "
            "with `keras_kd.teachers.cache_teacher`, and pass that."
        )
    if not isinstance(model, keras.Model):
        remedy = ""
        if role == "teacher" and hasattr(model, "state_dict"):
            remedy = " Wrap a module in `keras_kd.teachers.TorchTeacher`."
        raise TypeError(
            f"`{role}` must be a `keras.Model`. Received: {role}={model!r} of "
            f"type {type(model).__name__}.{remedy}"
        )
    if not model.built:
        raise ValueError(
            f"`{role}` must be built before distillation starts, since its "
            f'taps are found by shape. Received: {role}="{model.name}", '
            "built=False. Call it once on a batch, or give it an `Input` layer."
        )
    check_layers(model, role)


def check_layers(model, argument):
    """Validates names and numbers of a model, or loss, and all its layers.

    Returns:
        Dict of these by their paths, that of the first being "".
    """
    is_wide = backend.has_float64()
    layers = {"": model} | taps.layers(model)
    for layer in layers.values():
        if not backend.is_scope_name(layer.name):
            raise ValueError(
                f"`{argument}` must have layers whose names are scopes of a "
                "graph: letters, digits, `_`, `-` and `.`, and none of the "
                "last three at the beginning. Received: "
                f'{argument}="{model.name}" with a {type(layer).__name__} '
                f"named {layer.name!r}. Set its `name`."
            )
        if not is_wide and "float64" in (
            layer.compute_dtype,
            layer.variable_dtype,
        ):
            raise ValueError(
                f"`{argument}` must compute in 32 bits at most, since JAX is "
                "set to give no more: it would compute in float32. Received: "
                f'{argument}="{model.name}" with float64 in "{layer.name}". '
                'Call `jax.config.update("jax_enable_x64", True)` before '
                "models are made, or make it of float32."
            )
    return layers


def check_pair(teacher, student):
    """Validates that training the student leaves the teacher unchanged."""
    if teacher is student:
        raise ValueError(
            "`teacher` and `student` must be two models, since the teacher "
            f'stays as it is. Received: "{student.name}" for both. For a '
            "student of the same architecture, use "
            "`keras.models.clone_model(teacher)`."
        )
    check_shared(teacher, student)
    teacher_protocol.of(teacher).check_student(student)


def check_shared(teacher, student):
    """Validates that two models share no weights that training changes."""
    moving = shared_moving_weights(teacher, student)
    if moving:
        raise ValueError(
            "`teacher` and `student` must share no weights that training "
            "changes, since the teacher stays as it is. Received: "
            f"{len(moving)} shared, such as {moving[0].path}. Freeze their "
            "layers (`layer.trainable = False`), or copy them."
        )


def check_trainable(student, argument="student"):
    """Validates that a student has trainable weights."""
    if not student.trainable_weights:
        raise ValueError(
            f"`{argument}` must have trainable weights of its own, since it is "
            f'what learns. Received: {argument}="{student.name}", '
            "trainable_weights=[]. Set `trainable = True` before `compile`."
        )


def check_finite_weights(teacher, argument="teacher"):
    """Validates that the weights of a teacher are finite.

    A bias of -inf rules a class out, and is allowed.
    """
    for variable in teacher.weights:
        value = keras.ops.convert_to_numpy(variable)
        if value.dtype.kind not in "iub" and not np.all(
            # No comparison with nan is true.
            value.astype("float32", copy=False) < np.inf
        ):
            raise ValueError(
                f"`{argument}` must have finite weights, since nan would "
                f"spread to its student. Received: {argument}="
                f'"{teacher.name}" with nan or infinity in {variable.path}. '
                "Load its weights again."
            )


def check_scoring_teacher(teacher):
    """Validates that a model can be asked for logits of arrays."""
    if isinstance(teacher, FunctionTeacher):
        return
    if not isinstance(teacher, keras.Model):
        raise TypeError(
            "`teacher` must be a `keras.Model` or a `teachers.FunctionTeacher`"
            f". Received: teacher={teacher!r}."
        )
    logits_of(teacher, "teacher")
    check_finite_weights(teacher)


def check_losses(losses):
    """Returns the losses as a list, after validation."""
    if losses is not None and not isinstance(losses, list | tuple):
        losses = [losses]
    if not losses:
        raise ValueError(
            "`distillation_losses` must be one distillation loss or a list "
            "with at least one, since without any there is nothing to distil. "
            f"Received: distillation_losses={losses!r}. Try "
            "`keras_kd.losses.SoftTargets()`."
        )
    for loss in losses:
        if not isinstance(loss, DistillationLoss):
            raise TypeError(
                "`distillation_losses` must contain layers of "
                "`keras_kd.losses`, since a loss may own weights. Received: "
                f"{loss!r} of type {type(loss).__name__}. Wrap a Keras loss "
                "in `keras_kd.losses.Match(loss=...)`."
            )
    if len({id(loss) for loss in losses}) < len(losses):
        raise ValueError(
            "`distillation_losses` must be different objects, since each has "
            f"its own place in the logs. Received: {list(losses)}."
        )
    return list(losses)


def check_names(given):
    """Validates that names of losses are unique and free in the logs."""
    for name in given:
        if name in RESERVED_NAMES or given.count(name) > 1:
            raise ValueError(
                "`name` of a distillation loss must be unique and none of "
                f"{', '.join(RESERVED_NAMES)}, since it is a key of the logs. "
                f"Received: name={name!r}."
            )


def check_entries(chosen, argument):
    """Validates that an argument names entries of the input."""
    is_list = isinstance(chosen, list | tuple) and bool(chosen)
    if chosen is None or isinstance(chosen, str):
        return
    if not is_list or not all(isinstance(name, str) for name in chosen):
        raise TypeError(
            f"`{argument}` must be the name of an entry of `x`, a list of "
            f"names, or None for all of `x`. Received: {argument}={chosen!r}."
        )


def check_mask_input(name):
    """Validates that `mask_input` names one entry of the input."""
    if not (name is None or isinstance(name, str)):
        raise TypeError(
            "`mask_input` must be the name of an entry of `x`, or None for no "
            f"such entry. Received: mask_input={name!r}."
        )


def check_entries_fit(chosen, spec, role):
    """Validates that the named entries are the inputs of a model."""
    if chosen is None or isinstance(chosen, str):
        return
    if isinstance(spec, dict):
        fits = set(chosen) == set(spec)
        wanted = f"the inputs {', '.join(spec)}"
    else:
        count = len(spec) if isinstance(spec, list | tuple) else 1
        fits = len(chosen) == count > 1
        wanted = f"{count} inputs" if count > 1 else "one input, as a string"
    if not fits:
        raise ValueError(
            f"`{role}_inputs` must name {wanted}, since the {role} has those. "
            f"Received: {role}_inputs={list(chosen)}."
        )


def check_scope(student, argument="student", owner="Distiller"):
    """Validates that a model to train belongs to the strategy."""
    check_distribution()
    if not backend.is_in_scope(student.variables):
        raise ValueError(
            f"`{argument}` and {owner} must be made in the scope of the same "
            "strategy, since variables are mirrored there. Received: "
            f'{argument}="{student.name}", made in another. Build both inside '
            "`with strategy.scope():`, on JAX after `keras.distribution."
            "set_distribution(...)`; a teacher may stay outside."
        )


def check_changing_scope(teacher):
    """Validates that what changes of a teacher belongs to the strategy."""
    protocol = teacher_protocol.of(teacher)
    if backend.is_in_scope(protocol.changing()):
        return
    rest = "" if protocol.is_updated else "; the model in it may stay outside"
    raise ValueError(
        "`teacher` must be made in the scope of the strategy, since what a "
        "step changes of it, such as the state of its noise, is mirrored "
        f'there. Received: teacher="{teacher.name}", made elsewhere. Make the '
        f"`{type(teacher).__name__}` inside `with strategy.scope():`, on JAX "
        f"after `keras.distribution.set_distribution(...)`{rest}."
    )


def check_one_output(tapped, loss):
    """Validates that a loss without a tap has one output to compare."""
    if len(tapped.outputs) > 1:
        raise ValueError(
            f"`{tapped.role}_tap` must be given, since the {tapped.role} "
            f'"{tapped.model.name}" has several outputs. Received: '
            f"{tapped.role}_tap=None in `{type(loss).__name__}`. Its outputs "
            f"are: {', '.join(tapped.outputs)}."
        )


def check_form(name, loss, teacher):
    """Validates that a loss can take the members' logits of a teacher."""
    if ensemble_logits.is_members(teacher) and not loss.accepts_members:
        raise ValueError(
            f"The loss {name!r} must be one that averages members, such as "
            "`SoftTargets`, since this teacher hands over the logits of each. "
            f"Received: {type(loss).__name__}, for "
            f"{ensemble_logits.scores(teacher).shape[1]} members. Use "
            '`EnsembleTeacher(..., combine="geometric")`, or tap a layer.'
        )


def check_logits(tapped, tap, loss):
    """Validates that a loss on logits gets logits."""
    if gives_probabilities(tapped, tap):
        refuse_probabilities(tapped, tap, loss)


def refuse_probabilities(tapped, tap, loss):
    """Raises an error for a tap that gives probabilities."""
    place = "" if tap is None else f" at {tap!r}"
    if tap in tapped.layers:
        remedy = "Tap the layer before the activation."
    elif tapped.role == "teacher":
        remedy = (
            "Use `keras_kd.teachers.logits(teacher)`, or, if no layer makes "
            "them, `keras_kd.teachers.logits_of_probabilities(teacher)`."
        )
    else:
        remedy = (
            "Leave the activation away, and compile with a loss that has "
            "`from_logits=True`."
        )
    raise ValueError(
        f"`{type(loss).__name__}` must compare logits, since it applies the "
        f"softmax or sigmoid itself. Received: the {tapped.role} "
        f'"{tapped.model.name}", which gives probabilities{place}. {remedy}'
    )
