"""Cross-entropy with labels of any of the usual kinds."""

from keras import ops

from keras_kd.losses.labels import in_one_form
from keras_kd.losses.labels import numbered


def cross_entropy(labels, logits):
    """Cross-entropy of logits, whatever form the labels have.

    Args:
        labels: Class numbers, `(batch,)` or `(batch, 1)`, or probabilities of
            the classes, `(batch, classes)`. There may be further axes, such as
            the steps of a sequence.
        logits: `(batch, classes)`; `(batch, 1)` are those of a sigmoid.

    Returns:
        Nats, `(batch,)`: 0 for numbers of no class, such as those that
        `ignore_class` leaves out.

    Raises:
        ValueError: If the labels have another shape.
    """
    logits = ops.cast(logits, _at_least_float32(logits.dtype))
    classes = logits.shape[-1]
    labels, are_numbers = in_one_form(labels, logits)
    if not are_numbers:
        return _of_rows(ops.cast(labels, logits.dtype), logits)
    # One unit tells two classes.
    index, is_class = numbered(labels, max(classes, 2))
    if classes == 1:
        logit = ops.squeeze(logits, axis=-1)
        value = ops.softplus(logit) - ops.cast(index, logit.dtype) * logit
    else:
        value = _of_rows(
            ops.one_hot(index, classes, dtype=logits.dtype), logits
        )
    return ops.where(is_class, value, ops.zeros_like(value))


def _of_rows(rows, logits):
    return -ops.sum(rows * ops.log_softmax(logits, axis=-1), axis=-1)


def _at_least_float32(dtype):
    return "float64" if dtype == "float64" else "float32"
