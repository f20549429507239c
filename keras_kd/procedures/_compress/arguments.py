"""Validates the arguments of `compress`."""

import keras
import numpy as np

from keras_kd import losses
from keras_kd import taps
from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_callable
from keras_kd._core.kinds import check_pair
from keras_kd._core.predictions import logits_of
from keras_kd._training.checks import check_scoring_teacher


def check(teacher, student, num_synthetic, validation_data, patience):
    """Validates the arguments, which are as in `compress`.

    Returns:
        The numbers of synthetic examples, as a list.
    """
    check_scoring_teacher(teacher)
    _check_student(student)
    if validation_data is not None:
        check_pair("validation_data", validation_data, "arrays `(x, y)`")
    if patience is not None:
        check_count("patience", patience, "epochs to wait")
        if validation_data is None:
            raise ValueError(
                "`patience` must come with `validation_data`, since it is "
                f"their loss that is waited for. Received: patience={patience},"
                " validation_data=None."
            )
    numbers = np.atleast_1d(np.asarray(num_synthetic))
    if (
        numbers.ndim != 1
        or numbers.dtype.kind not in "iu"
        or numbers.min(initial=0) < 0
        or not 0 < numbers.size == len(set(numbers.tolist()))
    ):
        raise ValueError(
            "`num_synthetic` must be an integer of at least 0, or several "
            f"different ones. Received: num_synthetic={num_synthetic!r}."
        )
    return numbers.tolist()


def _check_student(student):
    """Validates that a student can be copied and trained."""
    shape = tuple(logits_of(student, "student").shape)
    if len(shape) != 2 or shape[-1] < 2:
        raise ValueError(
            "`student` must give (batch, classes) for at least two classes, "
            "since the softmax of one number is always 1. Received: "
            f'student="{student.name}" with {shape}.'
        )
    is_sequential = isinstance(student, keras.Sequential)
    if not (is_sequential or taps.is_functional(student)):
        raise TypeError(
            "`student` must be a Functional or Sequential model, since one "
            "copy is trained for each of `num_synthetic`. Received: student="
            f'"{student.name}" of type {type(student).__name__}.'
        )


def check_parts_of(x, generator, encode, loss):
    """Validates the rows, and what is made of them."""
    if x.ndim < 2:
        raise ValueError(
            "`x` must have a row for each example, (examples, attributes). "
            f"Received: x of shape {x.shape}."
        )
    if generator is not None:
        check_callable("generator", generator, "of `(x, num_examples, seed)`")
    if encode is not None:
        check_callable("encode", encode, "of rows")
    if not isinstance(loss, losses.DistillationLoss):
        raise TypeError(
            "`loss` must be a distillation loss of `keras_kd.losses`, since "
            "the student learns the teacher's answers. Received: loss="
            f"{loss!r} of type {type(loss).__name__}."
        )


def check_parts(updates, epochs):
    """Validates that updates divide into equal epochs."""
    check_count("updates", updates, "updates of a student")
    check_count("epochs", epochs, "parts of the training")
    if updates % epochs:
        raise ValueError(
            "`updates` must be a multiple of `epochs`, since all epochs are "
            f"equally long. Received: updates={updates}, epochs={epochs}."
        )


def check_labels(labels, num_rows, num_classes):
    """Validates that each row has a label of the teacher's classes."""
    if (
        labels.shape != (num_rows,)
        or labels.dtype.kind not in "iu"
        or not num_rows
        or labels.min() < 0
        or labels.max() >= num_classes
    ):
        raise ValueError(
            "`validation_data` must have a class number from 0 to "
            f"{num_classes - 1} for each of its {num_rows} rows. Received: "
            f"shape {labels.shape}, dtype {labels.dtype}."
        )
