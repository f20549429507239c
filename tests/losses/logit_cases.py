"""Logits of two models, and what the losses on them are compared with."""

import numpy as np

from tests.losses import precision

TEACHER, STUDENT = np.random.default_rng(7).normal(size=(2, 6, 5))
LABELS = np.array([0, 1, 2, 3, 4, 0])


def slope(formula, student, step=1e-5):
    """The gradient of the sum of a formula in float64, by differences."""
    found = np.zeros_like(student)
    for place in np.ndindex(student.shape):
        change = np.zeros_like(student)
        change[place] = step
        found[place] = np.sum(formula(student + change)) - np.sum(
            formula(student - change)
        )
    return found / (2 * step)


def assert_equal(make_function, formula, teacher=TEACHER, student=STUDENT):
    """A loss has the value and the gradient of a formula.

    Args:
        make_function: Makes a loss, a function of both tensors.
        formula: From float64 teacher and student to a value per example.
        teacher: Logits.
        student: Logits.
    """
    result = precision.run(make_function, teacher, student)
    # Of the rounded numbers, which the loss really saw.
    teacher, student = result.teacher, result.student
    np.testing.assert_allclose(
        result.value, formula(teacher, student), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(
        result.gradient,
        slope(lambda other: formula(teacher, other), student),
        rtol=1e-4,
        atol=1e-5,
    )
