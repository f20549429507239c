"""Refuses models and losses that cannot be distilled, before training."""

import math

import keras
import numpy as np

from keras_kd import backend
from keras_kd import forms
from keras_kd.losses import DistillationLoss
from keras_kd.teachers.cached import CachedTeacher
from keras_kd.teachers.final_activations import gives_probabilities
from keras_kd.teachers.function import FunctionTeacher

# Keys of the logs that are not the name of a loss.
RESERVED_NAMES = ("loss", "student_loss")


def check_model(model, role):
    """Refuses what is not a built Keras model, nor a cache of a teacher."""
    if role == "teacher" and isinstance(model, CachedTeacher):
        return
    if isinstance(model, FunctionTeacher):
        raise TypeError(
            f"`{role}` must be a `keras.Model`, since it runs inside the "
            f"training step. Received: {role}={model!r}. Keep what it says "
            "with `keras_kd.teachers.cache_teacher`, and pass that."
        )
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"`{role}` must be a `keras.Model`. Received: {role}={model!r} of "
            f"type {type(model).__name__}."
        )
    if not model.built:
        raise ValueError(
            f"`{role}` must be built before distillation starts, since its "
            f'taps are found by shape. Received: {role}="{model.name}", '
            "built=False. Call it once on a batch, or give it an `Input` layer."
        )


def check_pair(teacher, student):
    """Refuses a student that would change its teacher."""
    if teacher is student:
        raise ValueError(
            "`teacher` and `student` must be two models, since the teacher "
            f'stays as it is. Received: "{student.name}" for both. For a '
            "student of the same architecture, use "
            "`keras.models.clone_model(teacher)`."
        )
    taught = {id(variable) for variable in teacher.weights}
    shared = [v.path for v in student.trainable_weights if id(v) in taught]
    if shared:
        raise ValueError(
            "`teacher` and `student` must share no trainable weights, since "
            f"the teacher stays as it is. Received: {len(shared)} shared, "
            f"such as {shared[0]}. Freeze them in the student, or copy them."
        )


def check_finite_weights(teacher, argument="teacher"):
    """Refuses a model whose weights are not numbers, where it teaches."""
    for variable in teacher.weights:
        value = keras.ops.convert_to_numpy(variable)
        if value.dtype.kind not in "iub" and not np.all(
            np.isfinite(value.astype("float32", copy=False))
        ):
            raise ValueError(
                f"`{argument}` must have finite weights, since nan would "
                f"spread to its student. Received: {argument}="
                f'"{teacher.name}" with nan or infinity in {variable.path}. '
                "Load its weights again."
            )


def check_losses(losses):
    """Returns the losses as a list, or refuses them."""
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
    """Refuses names of losses that would collide in the logs."""
    for name in given:
        if name in RESERVED_NAMES or "." in name or given.count(name) > 1:
            raise ValueError(
                "`name` of a distillation loss must be unique, contain no dot "
                f"and be none of {', '.join(RESERVED_NAMES)}, since it is a "
                f"key of the logs. Received: name={name!r}."
            )


def check_student_loss_weight(weight):
    """Refuses anything but a finite number of at least zero."""
    if isinstance(weight, bool | str) or not (
        isinstance(weight, int | float | np.number)
        and math.isfinite(weight)
        and weight >= 0
    ):
        raise ValueError(
            "`student_loss_weight` must be a number of at least 0, since it "
            "is the factor on the loss given to `compile`. Received: "
            f"student_loss_weight={weight!r}."
        )


def check_entries(chosen, argument):
    """Refuses anything but names of entries of the input."""
    is_list = isinstance(chosen, list | tuple) and bool(chosen)
    if chosen is None or isinstance(chosen, str):
        return
    if not is_list or not all(isinstance(name, str) for name in chosen):
        raise TypeError(
            f"`{argument}` must be the name of an entry of `x`, a list of "
            f"names, or None for all of `x`. Received: {argument}={chosen!r}."
        )


def check_entries_fit(chosen, spec, role):
    """Refuses names of entries that are not the inputs of a model."""
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
    """Refuses a model to train that does not belong to the strategy."""
    if not backend.is_in_scope(student.variables):
        raise ValueError(
            f"`{argument}` and {owner} must be made in the scope of the same "
            "strategy, since variables are mirrored there. Received: "
            f'{argument}="{student.name}", made in another. Build both inside '
            "`with strategy.scope():`; a teacher may stay outside."
        )


def check_noise_scope(teacher):
    """Refuses a noisy teacher that does not belong to the strategy."""
    state = list(getattr(teacher, "noise_state", ()))
    if not backend.is_in_scope(state):
        raise ValueError(
            "`teacher` must be made in the scope of the strategy, since the "
            "state of its noise is mirrored there. Received: "
            f'teacher="{teacher.name}", made elsewhere. Make the '
            "`NoisyTeacher` inside `with strategy.scope():`; the model in it "
            "may stay outside."
        )


def check_one_output(tapped, loss):
    """Refuses to guess which of several outputs a loss compares."""
    if len(tapped.outputs) > 1:
        raise ValueError(
            f"`{tapped.role}_tap` must be given, since the {tapped.role} "
            f'"{tapped.model.name}" has several outputs. Received: '
            f"{tapped.role}_tap=None in `{type(loss).__name__}`. Its outputs "
            f"are: {', '.join(tapped.outputs)}."
        )


def check_form(name, loss, teacher):
    """Refuses members' logits where a loss compares one tensor."""
    if forms.is_members(teacher) and not loss.accepts_members:
        raise ValueError(
            f"The loss {name!r} must be one that averages members, such as "
            "`SoftTargets`, since this teacher hands over the logits of each. "
            f"Received: {type(loss).__name__}, for "
            f"{forms.scores(teacher).shape[1]} members. Use "
            '`EnsembleTeacher(..., combine="geometric")`, or tap a layer.'
        )


def check_logits(tapped, tap, loss):
    """Refuses probabilities where a loss compares logits."""
    if gives_probabilities(tapped, tap):
        refuse_probabilities(tapped, tap, loss)


def refuse_probabilities(tapped, tap, loss):
    """Raises an error for a tap that gives probabilities."""
    place = "" if tap is None else f" at {tap!r}"
    if tap in tapped.layers:
        remedy = "Tap the layer before the activation."
    elif tapped.role == "teacher":
        remedy = "Use `keras_kd.teachers.logits(teacher)`."
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
