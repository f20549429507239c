"""Validates shapes of the tensors in a loss."""

from keras import ops


def check_same_classes(loss, teacher_shape, student_shape, *, are_sorted=False):
    """Validates that both models score the same classes and positions.

    Args:
        loss: The loss, for the error.
        teacher_shape: Shape of the teacher's logits.
        student_shape: Shape of the student's logits.
        are_sorted: Whether the classes may differ, since their order does not
            count. Defaults to `False`.
    """
    if len(student_shape) < 2:
        raise ValueError(
            f"`{type(loss).__name__}` must see an axis of classes behind that "
            "of the batch. Received: logits of shape "
            f"{tuple(student_shape)}. Write one example as `logits[None]`."
        )
    theirs, ours = tuple(teacher_shape), tuple(student_shape)
    if are_sorted:
        theirs = (*theirs[:-1], ours[-1])
    if shapes_agree(theirs, ours):
        return
    # The batch does not differ.
    teacher, student = theirs[1:], ours[1:]
    what, remedy = _mismatch(teacher, student)
    raise ValueError(
        f"`{type(loss).__name__}` must compare scores of the same {what}. "
        f"Received: teacher logits of shape {tuple(teacher_shape)}, "
        f"student logits of shape {tuple(student_shape)}. {remedy}"
    )


def _mismatch(teacher, student):
    """Names the difference of two shapes of one example, and a remedy."""
    if len(teacher) != len(student):
        return "positions", (
            "Pool those that only one model has, such as by "
            "`keras.layers.GlobalAveragePooling1D`."
        )
    if not shapes_agree(teacher[-1:], student[-1:]):
        return "classes", _other_classes(teacher[-1], student[-1])
    kind = "length" if len(teacher) == 2 else "resolution"
    return f"positions, of one {kind}", (
        'Give `resize="student"`, which interpolates the student\'s to the '
        'teacher\'s positions, or `resize="teacher"` for the reverse.'
    )


def _other_classes(teacher, student):
    if sorted((teacher, student)) == [1, 2]:
        return (
            "One unit `z` with a sigmoid says the same as the two logits "
            "`keras.ops.concatenate([keras.ops.zeros_like(z), z], axis=-1)`: "
            "end the model of one unit in these."
        )
    return (
        "To distil between different label sets, compare features with `Hint`, "
        "or, of two vocabularies, `SortedProbabilities`."
    )


def check_several_classes(loss, student_shape):
    """Validates that a softmax is applied to at least two classes.

    Args:
        loss: The loss, for the error.
        student_shape: Shape of the student's logits.
    """
    if student_shape[-1] == 1:
        raise ValueError(
            f"`{type(loss).__name__}` must see at least two classes, since the "
            "softmax of one number is always 1. Received: logits of shape "
            f"{tuple(student_shape)}. For one unit with a sigmoid, use "
            "`BinarySoftTargets`; for a regression, "
            '`Match(loss="mean_squared_error")`.'
        )


def check_several_features(loss, teacher_shape, student_shape, kinds, order=""):
    """Validates that a loss compares as many features of both models.

    Args:
        loss: The loss, for the error.
        teacher_shape: Shapes of the teacher's features.
        student_shape: Shapes of the student's features.
        kinds: What they are, for the error.
        order: In which order they are named. Defaults to any.

    Returns:
        The shapes in pairs, a list.
    """
    shapes = teacher_shape, student_shape
    if not all(isinstance(s[0], list | tuple) for s in shapes) or len(
        teacher_shape
    ) != len(student_shape):
        raise ValueError(
            f"{loss.comparison(*shapes)} Both must be several features, "
            f"{kinds}. Give `teacher_tap` and `student_tap` tuples of as many "
            f"names{order}."
        )
    return list(zip(*shapes, strict=True))


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
