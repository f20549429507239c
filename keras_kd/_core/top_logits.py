"""Highest logits of an example, and the mass of the others.

```
{"top_logits": (batch, ..., k), "top_classes": (batch, ..., k),
 "rest_log_sum_exp": (batch, ...)}
```

Only caches hold this form. Losses that do not declare `accepts_top_logits` get
logits of all classes.
"""

from keras import ops

TOP_LOGITS = "top_logits"
TOP_CLASSES = "top_classes"
REST = "rest_log_sum_exp"


def is_top(teacher):
    """Whether an output is this form."""
    return isinstance(teacher, dict) and TOP_LOGITS in teacher


def encode(logits, k):
    """Keeps the highest logits.

    Args:
        logits: `(batch, ..., classes)`, floating point.
        k: Number of logits to keep, below the number of classes.

    Returns:
        Dict of the form above. The classes stand in falling order of their
        logits.
    """
    top, classes = ops.top_k(logits, k)
    # Not the total minus the top: the difference would lose its digits.
    rest = scatter(logits, classes, ops.full_like(top, -float("inf")))
    return {
        TOP_LOGITS: top,
        TOP_CLASSES: classes,
        REST: ops.logsumexp(rest, axis=-1),
    }


def spread(encoded, num_classes):
    """Logits of all classes from those of the top ones.

    Args:
        encoded: Dict of the form above.
        num_classes: Number of classes, above that of those kept.

    Returns:
        `(batch, ..., num_classes)`, with one value for all other classes, so
        that they share their probability evenly at any temperature. At
        temperature 1 all probabilities that were kept are those of the
        teacher.
    """
    top, rest = encoded[TOP_LOGITS], encoded[REST]
    others = num_classes - top.shape[-1]
    rest = rest - ops.log(ops.cast(others, rest.dtype))
    even = ops.repeat(ops.expand_dims(rest, axis=-1), num_classes, axis=-1)
    return scatter(even, encoded[TOP_CLASSES], top)


def scatter(logits, classes, values):
    """Puts values in the places of some classes.

    Args:
        logits: `(..., num_classes)`.
        classes: Integers, `(..., k)`, different ones in each row.
        values: `(..., k)`.

    Returns:
        `(..., num_classes)`.
    """
    # By row: a one-hot of (..., k, classes) would not fit into memory.
    num_classes, k = logits.shape[-1], classes.shape[-1]
    rows = ops.reshape(logits, (-1, num_classes))
    columns = ops.reshape(ops.cast(classes, "int32"), (-1,))
    places = ops.repeat(ops.arange(ops.shape(rows)[0], dtype="int32"), k)
    scattered = ops.scatter_update(
        rows,
        ops.stack([places, columns], axis=-1),
        ops.reshape(ops.cast(values, rows.dtype), (-1,)),
    )
    return ops.reshape(scattered, ops.shape(logits))
