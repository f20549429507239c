"""Decides how losses may read a student's outputs.

An output that some distillation loss compares as logits, or that the loss given
to `compile` takes as logits, gives logits.
"""

import dataclasses

import keras

from keras_kd import batch
from keras_kd._core import places
from keras_kd._core import tapped_model
from keras_kd._training import expected
from keras_kd._training.expected import expectation


@dataclasses.dataclass(frozen=True)
class StudentOutput:
    """One output of the student.

    Attributes:
        units: Length of the last axis, `None` if unknown.
        reason: Why it gives logits, for errors; `None` if unknown.
        activation: `"softmax"` or `"sigmoid"`, which turns it into
            probabilities; `None` if unknown.
        gives_probabilities: Whether it gives probabilities, as the model or
            its loss shows.
        unknown: Names of losses of which it is not known what they take.
        is_masked: Whether the student gives it a Keras mask.
    """

    units: int | None
    reason: str | None
    activation: str | None
    gives_probabilities: bool = False
    unknown: tuple = ()
    is_masked: bool = False


def find(losses, tapped, supervised, reason=None):
    """Describes the outputs, and validates the losses for them.

    Args:
        losses: Distillation losses.
        tapped: `TappedModel` of the student.
        supervised: `loss` as given to `compile`.
        reason: Why all outputs give logits, where that is sure.

    Returns:
        Dict of `StudentOutput` by name, `None` for one without name.

    Raises:
        ValueError: If a loss of probabilities would get logits, or one output
            is read by a softmax here and by a sigmoid there.
    """
    output, _ = tapped.symbolic()
    names = tapped.outputs or (None,)
    if isinstance(supervised, list | tuple) and len(supervised) < len(names):
        supervised = None  # Keras raises for it.
    found = {}
    for name in names:
        shape = getattr(
            tapped_model.pick(output, tapped.outputs, name), "shape", ()
        )
        own = [
            loss
            for loss in losses
            if not {None, name}.isdisjoint(
                places.of_logits(loss, "student_tap")
            )
        ]
        why = reason
        if own and why is None:
            why = f"the student gives them to `{type(own[0]).__name__}`"
        described = _described(
            shape[-1] if shape else None,
            own,
            batch.of_output(supervised, tapped.outputs, name),
            why,
        )
        ends_so = reason is None and name in tapped.ending_in_probabilities
        found[name] = dataclasses.replace(
            described,
            is_masked=name in tapped.masked,
            gives_probabilities=described.gives_probabilities or ends_so,
        )
    return found


def _described(units, losses, supervised, reason):
    """A `StudentOutput`, checked."""
    given = [g for g in keras.tree.flatten(supervised) if g is not None]
    takes = [(g, _expectation_of_loss(g)) for g in given]
    of_logits = [(g, e) for g, e in takes if e.reads == expected.LOGITS]
    of_probabilities = [
        (g, e) for g, e in takes if e.reads == expected.PROBABILITIES
    ]
    if reason is None and of_logits:
        reason = f"`{_shown(of_logits[0][0])}` takes them"
    if reason is None:
        labels = any(e.activation == expected.SIGMOID for _, e in takes)
        return StudentOutput(units, None, None, labels)
    _check_one_activation(units, losses, of_logits)
    told = {loss.output_activation for loss in losses}
    told |= {e.activation for _, e in of_logits}
    told -= {None}
    activation = told.pop() if len(told) == 1 else None
    if units == 1:
        activation = expected.SIGMOID
    for one, loss in of_probabilities:
        _refuse_loss(one, loss, reason, activation or loss.activation)
    unknown = [e.name for _, e in takes if e.reads == expected.UNKNOWN]
    return StudentOutput(units, reason, activation, unknown=tuple(unknown))


def _expectation_of_loss(given):
    if isinstance(given, str):
        # Keras takes the function of these names, without arguments.
        if given.lower() in expected.CROSS_ENTROPY:
            return expected.Expectation(expected.PROBABILITIES, name=given)
        given = keras.losses.get(given)
    return expectation(given() if isinstance(given, type) else given)


def _refuse_loss(given, takes, reason, activation):
    """Raises an error for a loss of probabilities."""
    activation = activation or expected.SOFTMAX
    if takes.name.lower() in expected.CROSS_ENTROPY:
        kind = "SparseCategorical"
        if activation == expected.SIGMOID:
            kind = "Binary"
        remedy = f"Use `keras.losses.{kind}Crossentropy(from_logits=True)`."
    elif takes.has_flag:
        remedy = f"Use `{_class_of(takes.name)}(from_logits=True)`."
    else:
        call = f"keras.losses.{takes.name}"
        if isinstance(getattr(keras.losses, takes.name, None), type):
            call += "().call"
        remedy = (
            "Write a function: `lambda labels, logits: "
            f"{call}(labels, keras.ops.{activation}(logits))`."
        )
    raise ValueError(
        f"`loss` must take logits, since {reason}. Received: "
        f"loss={_shown(given)}, which takes probabilities. {remedy}"
    )


def _shown(given):
    """A loss, for messages: Keras writes the same for all of one function."""
    return repr(given) if isinstance(given, str) else expected.name_of(given)


def _class_of(name):
    """The class of a loss function of Keras."""
    if "_" in name and hasattr(keras.losses, name):
        name = name.title().replace("_", "")
    return f"keras.losses.{name}" if hasattr(keras.losses, name) else name


def _check_one_activation(units, losses, supervised):
    """Validates that all losses apply the same activation to an output."""
    other = {"softmax": "BinarySoftTargets", "sigmoid": "SoftTargets"}
    for loss in losses:
        for given, takes in supervised:
            own = loss.output_activation
            if units == 1 or None in (own, takes.activation):
                continue
            if own != takes.activation:
                raise ValueError(
                    "`loss` and `distillation_losses` must apply one "
                    "activation to an output, softmax for classes or sigmoid "
                    f"for labels. Received: loss={_shown(given)}, with "
                    f"{takes.activation}, and `{type(loss).__name__}`, with "
                    f"{own}, for {units} units. Use `keras_kd.losses."
                    f"{other[own]}`, or a cross-entropy with {own}."
                )
