"""Refuses arguments that `compress` cannot use."""

import keras
import numpy as np

from keras_kd.teachers.function import FunctionTeacher
from keras_kd.teachers.wrapped import logits_of


def check(teacher, student, num_synthetic, validation_data, patience):
    """Checks them. They are as in `compress`.

    Returns:
        The numbers of synthetic examples, as a list.
    """
    if not isinstance(teacher, FunctionTeacher | keras.Model):
        raise TypeError(
            "`teacher` must be a `keras.Model` or a `teachers.FunctionTeacher`"
            f". Received: teacher={teacher!r}."
        )
    logits_of(student, "student")
    if patience is not None and validation_data is None:
        raise ValueError(
            "`patience` must come with `validation_data`, since it is their "
            f"loss that is waited for. Received: patience={patience}, "
            "validation_data=None."
        )
    numbers = np.atleast_1d(np.asarray(num_synthetic))
    if (
        numbers.ndim != 1
        or numbers.dtype.kind not in "iu"
        or numbers.min() < 0
        or len(set(numbers.tolist())) < numbers.size
    ):
        raise ValueError(
            "`num_synthetic` must be an integer of at least 0, or several "
            f"different ones. Received: num_synthetic={num_synthetic!r}."
        )
    return numbers.tolist()


def check_labels(labels, num_classes):
    """Refuses labels that are not of the teacher's classes."""
    if (
        labels.ndim != 1
        or labels.dtype.kind not in "iu"
        or labels.min() < 0
        or labels.max() >= num_classes
    ):
        raise ValueError(
            "`validation_data` must have class numbers from 0 to "
            f"{num_classes - 1}. Received: shape {labels.shape}, dtype "
            f"{labels.dtype}."
        )
