"""Refuses models and losses that cannot be distilled, before training."""

import math

import keras
import numpy as np

from keras_kd import passes
from keras_kd.losses import DistillationLoss
from keras_kd.teachers.logits import final_activations

# Keys of the logs that are not the name of a loss.
RESERVED_NAMES = ("loss", "student_loss")


def check_model(model, role):
    """Refuses what is not a built Keras model with finite weights."""
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


def check_finite_weights(teacher):
    """Refuses a teacher whose weights are not numbers."""
    for variable in teacher.weights:
        value = keras.ops.convert_to_numpy(variable)
        if value.dtype.kind not in "iub" and not np.all(
            np.isfinite(value.astype("float32", copy=False))
        ):
            raise ValueError(
                "`teacher` must have finite weights, since nan would spread "
                f'to the student. Received: teacher="{teacher.name}" with nan '
                f"or infinity in {variable.path}. Load its weights again."
            )


def check_losses(losses):
    """Returns the losses as a list, or refuses them."""
    if isinstance(losses, DistillationLoss):
        losses = [losses]
    if not isinstance(losses, list | tuple) or not losses:
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


def check_one_output(tapped, loss):
    """Refuses to guess which of several outputs a loss compares."""
    if tapped.outputs:
        raise ValueError(
            f"`{tapped.role}_tap` must be given, since the {tapped.role} "
            f'"{tapped.model.name}" has several outputs. Received: '
            f"{tapped.role}_tap=None in `{type(loss).__name__}`. Its outputs "
            f"are: {', '.join(tapped.outputs)}."
        )


def check_logits(tapped, tap, loss):
    """Refuses probabilities where a loss compares logits."""
    if tap is not None and tap not in tapped.outputs:
        return
    if tap in final_activations(tapped.model) or _sums_to_one(tapped, tap):
        model = tapped.model.name
        remedy = (
            "Use `keras_kd.teachers.logits(teacher)`."
            if tapped.role == "teacher"
            else "Leave the activation away, and compile with a loss that has "
            "`from_logits=True`."
        )
        raise ValueError(
            f"`{type(loss).__name__}` must compare logits, since it applies "
            f"the softmax or sigmoid itself. Received: the {tapped.role} "
            f'"{model}", which gives probabilities. {remedy}'
        )


def _sums_to_one(tapped, tap):
    """Whether an output looks like a softmax that no layer shows."""
    spec = passes.input_spec(tapped.model)
    shapes = [tensor.shape for tensor in keras.tree.flatten(spec)]
    if any(None in shape[1:] for shape in shapes):
        return False
    random = np.random.default_rng(0)
    x = keras.tree.map_structure(
        lambda t: random.random((2, *t.shape[1:])).astype(t.dtype), spec
    )
    _, tensors = tapped(x, training=False)
    scores = keras.ops.convert_to_numpy(tensors[tap]).astype("float32")
    return (
        scores.shape[-1] > 1
        and scores.min() >= 0
        and bool(np.allclose(scores.sum(axis=-1), 1, atol=1e-2))
    )
