"""Positions that count by how sure a teacher is of something there."""

from keras import ops


def confidence(logits):
    """The highest probability at each position, of independent classes.

    Args:
        logits: `(batch, ..., classes)`.

    Returns:
        Numbers from 0 to 1, `(batch, ...)`.
    """
    return ops.sigmoid(ops.max(logits, axis=-1))


def mean_by_confidence(values, weights):
    """Weighted mean over the positions, less where nothing is certain.

    Args:
        values: `(batch, ...)`.
        weights: Numbers of at least 0, same shape.

    Returns:
        `sum(weights * values) / max(sum(weights), 1)`, `(batch,)`: an example
        whose weights come to less than one sure position counts by what they
        come to.
    """
    axes = tuple(range(1, len(values.shape)))
    # Without axes, a sum would be over all.
    total = ops.sum(weights, axis=axes) if axes else weights
    value = ops.sum(weights * values, axis=axes) if axes else weights * values
    return value / ops.maximum(total, 1)
