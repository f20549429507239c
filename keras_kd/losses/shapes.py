"""Validates shapes of the tensors in a loss."""

from keras import ops


def check_same_classes(loss, teacher_shape, student_shape):
    """Validates that both models score the same classes and positions."""
    if not shapes_agree(teacher_shape, student_shape):
        raise ValueError(
            f"`{type(loss).__name__}` must compare scores of the same classes. "
            f"Received: teacher logits of shape {tuple(teacher_shape)}, "
            f"student logits of shape {tuple(student_shape)}. To distil "
            "between different label sets, compare features with `Hint`."
        )
    if len(student_shape) < 2:
        raise ValueError(
            f"`{type(loss).__name__}` must see an axis of classes behind that "
            "of the batch. Received: logits of shape "
            f"{tuple(student_shape)}. Write one example as `logits[None]`."
        )


def check_several_classes(loss, student_shape, remedy=""):
    """Validates that a softmax is applied to at least two classes.

    Args:
        loss: The loss, for the error.
        student_shape: Shape of the student's logits.
        remedy: A sentence of advice.
    """
    if student_shape[-1] == 1:
        message = (
            f"`{type(loss).__name__}` must see at least two classes, since the "
            "softmax of one number is always 1. Received: logits of shape "
            f"{tuple(student_shape)}. {remedy}"
        )
        raise ValueError(message.rstrip())


def shapes_agree(teacher_shape, student_shape):
    """Whether two shapes are equal, as far as both are known.

    Args:
        teacher_shape: A shape; `None` is an unknown length.
        student_shape: A shape.

    Returns:
        A bool. The batch counts too, where both know it.
    """
    return len(teacher_shape) == len(student_shape) and all(
        theirs is None or ours is None or theirs == ours
        for theirs, ours in zip(teacher_shape, student_shape, strict=True)
    )


def mean_over_features(values, feature_shape):
    """Averages a comparison of features over all axes but the positions.

    Args:
        values: `(batch, ...)`, from features that were compared.
        feature_shape: Shape of those features.

    Returns:
        `(batch,)`; `(batch, steps)` if the features were sequences `(batch,
        steps, features)`.
    """
    first = 2 if len(feature_shape) == 3 else 1
    axes = tuple(range(first, len(values.shape)))
    return ops.mean(values, axis=axes) if axes else values
