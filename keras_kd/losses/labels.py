"""Classes of labels, whatever form the labels have."""

import keras
from keras import ops


def class_of(labels, logits, tap=None):
    """Class of each example or position, and whether it has one.

    Args:
        labels: Class numbers, `(batch,)` or `(batch, 1)`, or probabilities of
            the classes, `(batch, classes)`: one-hot, smoothed, or mixed of two
            examples, whose class is then that of the larger part. There may be
            further axes, such as the steps of a sequence. Of several outputs,
            a dict with an entry of the name of `tap`.
        logits: `(batch, classes)`.
        tap: The loss's `student_tap`. Defaults to `None`.

    Returns:
        `(index, is_class)`, int32 and bool, `(batch,)`. The index is 0 where
        there is no class: numbers that no class has, nan, and rows that are 0.

    Raises:
        ValueError: If the labels have another shape, or are those of several
            outputs of which none is `tap`.
    """
    labels, are_numbers = in_one_form(of_output(labels, tap), logits)
    if are_numbers:
        return numbered(labels, logits.shape[-1])
    rows = ops.cast(labels, "float32")
    # No comparison with nan is true.
    is_class = ops.sum(rows, axis=-1) > 0
    index = ops.cast(ops.argmax(rows, axis=-1), "int32")
    return ops.where(is_class, index, 0), is_class


def in_one_form(labels, logits):
    """Labels without an axis of 1, and whether they are class numbers.

    Args:
        labels: See `class_of`.
        logits: `(batch, classes)`.

    Returns:
        `(labels, are_numbers)`: numbers `(batch,)`, or rows of the shape of
        the logits.

    Raises:
        ValueError: If the labels have another shape.
    """
    rank, classes = len(logits.shape), logits.shape[-1]
    if len(labels.shape) == rank and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, axis=-1)
    if len(labels.shape) == rank - 1:
        return labels, True
    if len(labels.shape) != rank or labels.shape[-1] != classes:
        raise ValueError(
            "`labels` must be class numbers, (batch,), or probabilities of "
            f"{classes} classes, (batch, {classes}), since the loss reads "
            f"classes in them. Received: labels of shape "
            f"{tuple(labels.shape)} for logits of shape "
            f"{tuple(logits.shape)}. For others, override `input_objective` "
            "of a loss of input gradients, or write a loss of your own."
        )
    return labels, False


def numbered(numbers, count):
    """Class numbers as integers, and whether they are those of a class.

    Args:
        numbers: Of any dtype.
        count: Number of classes.

    Returns:
        `(index, is_class)`, int32 and bool; the index is 0 where it is none.
    """
    if keras.backend.is_float_dtype(numbers.dtype):
        numbers = ops.where(ops.isnan(numbers), -1, numbers)
    numbers = ops.cast(numbers, "int32")
    is_class = (numbers >= 0) & (numbers < count)
    return ops.where(is_class, numbers, 0), is_class


def of_output(labels, tap):
    """Labels of the output at a tap, of those of all outputs."""
    if not isinstance(labels, dict | list | tuple):
        return labels
    if isinstance(labels, dict) and tap in labels:
        return labels[tap]
    if len(labels) == 1:
        return next(
            iter(labels.values() if isinstance(labels, dict) else labels)
        )
    shown = sorted(labels) if isinstance(labels, dict) else len(labels)
    raise ValueError(
        "`student_tap` must name an output that has labels of its own, since "
        f"there are several. Received: student_tap={tap!r}, labels of "
        f"{shown} outputs. Give `y` as a dict by the names of the outputs, and "
        "tap one of them."
    )
