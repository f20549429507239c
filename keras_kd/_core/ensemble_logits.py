"""Logits of the members of an ensemble, in place of one tensor.

An ensemble whose probabilities are to be averaged outputs the logits of
each member, since the average depends on the temperature of the loss that uses
it:

```
{"member_logits": (batch, members, ..., classes),
 "member_log_weights": (batch, members)}
```

The weights are logarithms of positive numbers; their sum does not matter.
"""

import keras
from keras import ops

from keras_kd._core import reduction
from keras_kd._core import top_logits

MEMBER_LOGITS = "member_logits"
MEMBER_LOG_WEIGHTS = "member_log_weights"


def is_members(teacher):
    """Whether an output is the members' form, of tensors or of shapes."""
    return isinstance(teacher, dict) and MEMBER_LOGITS in teacher


def scores(teacher):
    """Returns the tensor of logits, of one model or of the members.

    Args:
        teacher: Logits, the members' form, or that of `top_logits`.

    Returns:
        `(batch, ..., classes)`, `(batch, members, ..., classes)`, or the
        highest of them.
    """
    if not isinstance(teacher, dict):
        return teacher
    if top_logits.is_top(teacher):
        return teacher[top_logits.TOP_LOGITS]
    return teacher[MEMBER_LOGITS] if is_members(teacher) else teacher


def read_mask(teacher):
    """The Keras mask of a teacher's output, `(batch, ...)`, or `None`.

    Args:
        teacher: Logits or a feature, the form of `top_logits`, or the members'
            form, whose mask has an axis of members: a position counts where it
            does for each.
    """
    mask = reduction.read_mask(scores(teacher))
    if mask is not None and is_members(teacher):
        mask = ops.all(mask, axis=1)
    return mask


def stack_members(members, dtype):
    """The members' logits in one tensor, with a mask where any has one.

    Args:
        members: List of logits, `(batch, ..., classes)`.
        dtype: Type of the result.

    Returns:
        `(batch, members, ..., classes)`.
    """
    masks = [reduction.read_mask(member) for member in members]
    stacked = ops.stack([ops.cast(m, dtype) for m in members], axis=1)
    known = [mask for mask in masks if mask is not None]
    if not known:
        return stacked
    all_count = ops.ones_like(known[0])
    masks = [all_count if mask is None else mask for mask in masks]
    return reduction.with_mask(stacked, ops.stack(masks, axis=1))


def shape(teacher):
    """Shape of a tensor, or a dict of those of the members' form."""
    if is_members(teacher):
        return {key: tuple(value.shape) for key, value in teacher.items()}
    return tuple(teacher.shape)


def logits_shape(teacher_shape):
    """Shape of the logits that a teacher's output stands for."""
    if is_members(teacher_shape):
        batch, _, *rest = teacher_shape[MEMBER_LOGITS]
        return (batch, *rest)
    return tuple(teacher_shape)


def logits_spec(teacher):
    """A `KerasTensor` of the logits that a teacher's output stands for.

    Args:
        teacher: A `KerasTensor`, or the members' form of several.
    """
    if not is_members(teacher):
        return teacher
    shape_of_logits = logits_shape(shape(teacher))
    return keras.KerasTensor(shape_of_logits, teacher[MEMBER_LOGITS].dtype)


def average_probabilities(teacher, log_probabilities):
    """Log-probabilities of a teacher, averaged over its members.

    Args:
        teacher: The members' form.
        log_probabilities: Function from logits to log-probabilities of the
            same shape, such as `log_softmax` of logits / temperature.

    Returns:
        `(batch, ..., classes)`.
    """
    members = log_probabilities(teacher[MEMBER_LOGITS])
    weights = ops.log_softmax(teacher[MEMBER_LOG_WEIGHTS], axis=1)
    while len(weights.shape) < len(members.shape):
        weights = ops.expand_dims(weights, axis=-1)
    return ops.logsumexp(members + weights, axis=1)


def as_logits(teacher, temperature=1.0, dtype=None, is_multi_label=False):
    """One tensor of logits, for what compares choices or probabilities.

    Args:
        teacher: Logits, or the members' form.
        temperature: Number > 0, at which members are averaged.
        dtype: Type of the result. `None` leaves it as it is.
        is_multi_label: Whether each logit is of a label, with a sigmoid.

    Returns:
        `(batch, ..., classes)`: the logits, or those whose softmax at the
        temperature is the average over members; of labels and of one unit,
        the sigmoid.
    """
    if dtype is not None:
        teacher = _cast(teacher, dtype)
    if not is_members(teacher):
        return teacher
    if teacher[MEMBER_LOGITS].shape[-1] > 1 and not is_multi_label:
        return temperature * average_probabilities(
            teacher, lambda x: ops.log_softmax(x / temperature, axis=-1)
        )
    yes, no = (
        average_probabilities(
            teacher, lambda x, sign=sign: ops.log_sigmoid(sign * x)
        )
        for sign in (1 / temperature, -1 / temperature)
    )
    return temperature * (yes - no)


def _cast(teacher, dtype):
    if is_members(teacher):
        return {key: ops.cast(value, dtype) for key, value in teacher.items()}
    return ops.cast(teacher, dtype)
