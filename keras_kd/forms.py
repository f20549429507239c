"""What a teacher may give instead of one tensor of logits.

*Members*: an ensemble whose probabilities are to be averaged hands over the
logits of each member, since the average depends on the temperature of the loss
that uses it:

```
{"member_logits": (batch, members, ..., classes),
 "member_log_weights": (batch, members)}
```

*Top classes*: a cache may keep the highest logits of an example only, and the
log-sum-exp of the others, whose probability is spread evenly over them:

```
{"top_logits": (batch, ..., k), "top_classes": (batch, ..., k),
 "rest_log_sum_exp": (batch, ...)}
```
"""

from keras import ops

MEMBER_LOGITS = "member_logits"
MEMBER_LOG_WEIGHTS = "member_log_weights"
TOP_LOGITS = "top_logits"
TOP_CLASSES = "top_classes"
REST = "rest_log_sum_exp"


def is_members(teacher):
    """Whether it is the members' form, of tensors or of shapes."""
    return isinstance(teacher, dict) and MEMBER_LOGITS in teacher


def is_top_classes(teacher):
    """Whether it is the form of top classes, of tensors or of shapes."""
    return isinstance(teacher, dict) and TOP_LOGITS in teacher


def logits_shape(teacher_shape):
    """Shape of the logits that a teacher's output stands for."""
    if is_members(teacher_shape):
        batch, _, *rest = teacher_shape[MEMBER_LOGITS]
        return (batch, *rest)
    return teacher_shape


def average_probabilities(teacher, log_probabilities):
    """Log-probabilities of a teacher, averaged over members if it has some.

    Args:
        teacher: Logits `(batch, ..., classes)`, or the members' form.
        log_probabilities: Function from logits to log-probabilities of the
            same shape, such as `log_softmax` of logits / temperature.

    Returns:
        `(batch, ..., classes)`.
    """
    if not is_members(teacher):
        return log_probabilities(teacher)
    members = log_probabilities(teacher[MEMBER_LOGITS])
    weights = teacher[MEMBER_LOG_WEIGHTS]
    while len(weights.shape) < len(members.shape):
        weights = ops.expand_dims(weights, axis=-1)
    return ops.logsumexp(members + weights, axis=1)


def as_logits(teacher):
    """One tensor of logits, for what compares choices or probabilities.

    Args:
        teacher: Logits, or the members' form.

    Returns:
        `(batch, ..., classes)`: the logits, or the logarithm of the members'
        averaged probabilities.
    """
    return average_probabilities(
        teacher,
        lambda x: ops.log_softmax(x, axis=-1) if is_members(teacher) else x,
    )


def spread(teacher, num_classes):
    """Logits of all classes from those of the top ones.

    Args:
        teacher: The form of top classes.
        num_classes: Number of classes.

    Returns:
        `(batch, ..., num_classes)`, with one value for all other classes, so
        that they share their probability evenly at any temperature.
    """
    top = teacher[TOP_LOGITS]
    others = num_classes - top.shape[-1]
    rest = teacher[REST]
    if others:
        rest = rest - ops.log(ops.cast(others, rest.dtype))
    is_class = ops.one_hot(
        teacher[TOP_CLASSES], num_classes, dtype="bool", axis=-1
    )
    # (..., k, classes): of the k terms at a class at most one is not zero.
    placed = ops.where(is_class, ops.expand_dims(top, -1), 0.0)
    return ops.where(
        ops.any(is_class, axis=-2),
        ops.sum(placed, axis=-2),
        ops.expand_dims(rest, -1),
    )
