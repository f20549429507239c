"""Cross-entropy with labels of any of the usual kinds."""

from keras import ops


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
    if len(labels.shape) == len(logits.shape) and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, axis=-1)
    if len(labels.shape) == len(logits.shape) - 1:
        labels = ops.cast(labels, "int32")
        if classes == 1:
            is_class = (labels == 0) | (labels == 1)
            logit = ops.squeeze(logits, axis=-1)
            value = ops.softplus(logit) - ops.cast(labels, logit.dtype) * logit
            return ops.where(is_class, value, ops.zeros_like(value))
        # On PyTorch, Keras's `one_hot` fails for numbers of no class.
        numbers = ops.arange(classes, dtype="int32")
        labels = ops.equal(ops.expand_dims(labels, axis=-1), numbers)
    if len(labels.shape) != len(logits.shape) or labels.shape[-1] != classes:
        raise ValueError(
            "Labels must be class numbers, (batch,), or probabilities of "
            f"{classes} classes, (batch, {classes}), since the cross-entropy "
            f"is taken with them. Received: labels of shape "
            f"{tuple(labels.shape)} for logits of shape "
            f"{tuple(logits.shape)}. For others, override `input_objective`."
        )
    log_probabilities = ops.log_softmax(logits, axis=-1)
    return -ops.sum(ops.cast(labels, logits.dtype) * log_probabilities, axis=-1)


def _at_least_float32(dtype):
    return "float64" if dtype == "float64" else "float32"
