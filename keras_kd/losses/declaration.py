"""Validates what a class of losses declares."""

import inspect

from keras_kd._core import resizing

# Parts of a model that a loss may ask for; see `DistillationLoss`.
PARTS = ("teacher_head", "teacher_output_layer", "student_output_layer")
# What a loss may ask for besides the two tensors.
SERVED = (
    "labels",
    "example_ids",
    "teacher_input_gradient",
    "student_input_gradient",
    "teacher_input_gradient_of_view",
    "student_input_gradient_of_view",
    *PARTS,
)
WEIGHTS = "example_weights"
POSITION_WEIGHTS = "position_weights"


def takes_position_weights(loss):
    """Whether the `call` of a loss takes weights of positions."""
    return POSITION_WEIGHTS in inspect.signature(loss.call).parameters


def check(loss):
    """Validates that a loss declares what its `call` takes.

    Args:
        loss: A `DistillationLoss`.

    Raises:
        ValueError: If it does not.
    """
    kind = type(loss).__name__
    taken = inspect.signature(loss.call).parameters
    forgotten = [
        name for name in SERVED if name in taken and name not in loss.needs
    ]
    if forgotten:
        raise ValueError(
            "`needs` must name what `call` takes besides the two tensors. "
            f"Received: call(..., {forgotten[0]}) and needs={loss.needs!r} "
            f"in {kind}. Write `needs = "
            f'("{forgotten[0]}",)` in the class.'
        )
    unknown = sorted(set(loss.needs) - set(SERVED))
    if isinstance(loss.needs, str) or unknown:
        raise ValueError(
            "`needs` must be a tuple of names that a Distiller can serve: "
            f"{', '.join(SERVED)}. Received: needs={loss.needs!r} in {kind}."
        )
    if loss.compares_examples != (WEIGHTS in taken):
        remedy = (
            f"Add the argument `{WEIGHTS}=None`, and leave examples of weight "
            "0 out of the pairs."
            if loss.compares_examples
            else "Write `compares_examples = True` in the class."
        )
        raise ValueError(
            f"`call` must take `{WEIGHTS}` if the loss compares examples with "
            "each other, and only then, since they tell which examples take "
            f"part. Received: compares_examples={loss.compares_examples!r} "
            f"and call({', '.join(taken)}) in {kind}. {remedy}"
        )


def place(loss, argument, tap):
    """Returns the taps of a loss as it keeps them, after validation.

    Args:
        loss: A `DistillationLoss`.
        argument: `"teacher_tap"` or `"student_tap"`.
        tap: What the user gave.

    Returns:
        A name, `None`, or a tuple of these.

    Raises:
        TypeError: If it is anything else.
        ValueError: If the loss compares one tensor of each model.
    """
    several = isinstance(tap, list | tuple)
    names = tap if several else [tap]
    if (several and not tap) or not all(
        name is None or isinstance(name, str) for name in names
    ):
        raise TypeError(
            f"`{argument}` must be a string or None, since a loss "
            f"knows names and no models. Received: {argument}={tap!r}."
        )
    kind = type(loss).__name__
    if several and not loss.accepts_several_taps:
        raise ValueError(
            f"`{argument}` must be one tap, since `{kind}` compares one tensor "
            f"of each model. Received: {argument}={tap!r}. Make one "
            f"`{kind}` for each pair of taps."
        )
    of_one = [n for n in loss.needs if n in SERVED[2:]]
    if several and of_one:
        raise ValueError(
            f"`{argument}` must be one tap, since the {of_one[0]} that "
            f"`{kind}` needs is of one. Received: {argument}={tap!r}. Make one "
            f"`{kind}` for each."
        )
    return tuple(tap) if several else tap


def check_resize(loss, resize):
    """Validates which side a loss interpolates.

    Args:
        loss: A `DistillationLoss` with its taps.
        resize: What the user gave.

    Raises:
        ValueError: If it is no side, or the loss cannot use it.
    """
    resizing.check_side(resize)
    kind = type(loss).__name__
    if resize and tuple in map(type, (loss.teacher_tap, loss.student_tap)):
        raise ValueError(
            f"`resize` must be None for several taps, since each pair may have "
            f"a resolution of its own. Received: resize={resize!r}, "
            f"student_tap={loss.student_tap!r} in {kind}. Leave it out."
        )
    if resize == "teacher" and "teacher_head" in loss.needs:
        raise ValueError(
            f'`resize` must be "student" or None in `{kind}`, since the rest '
            "of the teacher takes the teacher's resolution. Received: "
            f'resize={resize!r}. Write resize="student".'
        )
