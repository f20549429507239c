"""Corrects the bias of unseen classes (Hinton et al., 2015)."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from keras_kd import taps
from keras_kd._core import ensemble_logits
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_not_empty
from keras_kd._core.kinds import as_array
from keras_kd._core.model_weights import equal_copy
from keras_kd._core.predictions import logits_of
from keras_kd._core.predictions import predict_logits
from keras_kd._training import checks
from keras_kd._types import Data
from keras_kd.procedures.class_mass import class_mass
from keras_kd.procedures.class_mass import find_shifts


@dataclasses.dataclass(frozen=True)
class CorrectClassBiasResult:
    """Result of `correct_class_bias`; entries follow its `classes`.

    Attributes:
        student: A copy of the student with other biases.
        classes: The classes whose bias was moved.
        shifts: What was added to the bias of each.
        mass_before: Mean probability that the student gave to each class.
        mass_after: The same for the copy.
        mass_wanted: What it should be.
    """

    student: keras.Model
    classes: tuple[int, ...]
    shifts: tuple[float, ...]
    mass_before: tuple[float, ...]
    mass_after: tuple[float, ...]
    mass_wanted: tuple[float, ...]


def correct_class_bias(
    *,
    student: keras.Model,
    x: Data,
    classes: int | Sequence[int],
    teacher: keras.Model | None = None,
    teacher_mass: float | Sequence[float] | None = None,
    batch_size: int | None = None,
) -> CorrectClassBiasResult:
    """Moves the bias of classes that the transfer set left out.

    A student that was shown no example of a class has learnt from its teacher
    what such examples look like, but also that the class hardly ever occurs: it
    predicts the class too seldom. How often it does so depends on one number,
    the bias of the class in the last layer. Here that number is found from
    images alone, without labels: afterwards, the mean probability of the class
    over these images is what the teacher gives it. The order of the other
    classes does not change for any image.

    The paper searched the bias that gave the fewest errors on the test set.
    That uses labels, and the labels of what is to be judged; this uses none.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 3.1.

    Args:
        student: A built `keras.Model` that gives logits and ends in a
            `keras.layers.Dense` with a bias and without activation. It is not
            changed.
        x: Images in which classes are as frequent as they will be: an array, or
            a `tf.data.Dataset` of batches; labels in it are not looked at.
        classes: The number of a class, or a list of them. At least one class
            of the student must be left out.
        teacher: A built `keras.Model` that gives logits, also an
            `EnsembleTeacher`. Give either this or `teacher_mass`.
        teacher_mass: The mean probability that each of `classes` is to have,
            a number or a list: what was kept of a teacher, or how frequent the
            class is known to be.
        batch_size: Images in a batch, if `x` is an array. Defaults to `None`,
            Keras's own.

    Returns:
        A `CorrectClassBiasResult`.

    Raises:
        TypeError: If a model is not a `keras.Model`.
        ValueError: If the student does not end as above, a class is not one of
            its own, a wanted mass is none, or logits are not finite.

    Example:

    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> images = np.random.default_rng(0).normal(size=(50, 4))
    >>> corrected = keras_kd.procedures.correct_class_bias(
    ...     student=student, x=images, classes=2, teacher_mass=0.4)
    >>> round(corrected.mass_after[0], 4)
    0.4
    """
    checks.check_model(student, "student")
    check_not_empty("x", x)
    check_count("batch_size", batch_size, "images", is_optional=True)
    num_classes = _num_classes(
        logits_of(student, "student"), "student", student
    )
    classes = _check_classes(classes, num_classes)
    _head(student, num_classes)
    wanted = _wanted(teacher, teacher_mass, x, classes, num_classes, batch_size)
    logits = _predict(student, x, batch_size, "student")
    shifts = find_shifts(logits, classes, wanted)
    copy = equal_copy(student)
    bias = _head(copy, num_classes).bias
    moved = keras.ops.convert_to_numpy(bias).astype("float64")
    moved[list(classes)] += shifts
    bias.assign(moved)
    result = CorrectClassBiasResult(
        student=copy,
        classes=classes,
        shifts=tuple(map(float, shifts)),
        mass_before=_as_floats(class_mass(logits), classes),
        mass_after=_as_floats(
            class_mass(_predict(copy, x, batch_size, "student")), classes
        ),
        mass_wanted=tuple(map(float, wanted)),
    )
    # Half precision moves in steps of a hundredth.
    if not np.allclose(result.mass_after, wanted, rtol=0.02, atol=1e-4):
        raise ValueError(
            "`student` must end in a `Dense` whose bias is added to its "
            "logits, since that is what is moved. Received: student="
            f'"{student.name}", whose mean probabilities are '
            f"{result.mass_after} after a move that should make them "
            f"{result.mass_wanted}."
        )
    return result


def _predict(model, x, batch_size, role):
    """Logits `(..., classes)` in float64."""
    return predict_logits(model, x, role, batch_size, dtype="float64")


def _as_floats(masses, classes):
    return tuple(float(masses[label]) for label in classes)


def _num_classes(output, role, model):
    """Number of classes of a model that gives logits."""
    num_classes = ensemble_logits.logits_shape(ensemble_logits.shape(output))[
        -1
    ]
    if num_classes < 2:
        raise ValueError(
            f"`{role}` must have a logit for each of at least two classes, "
            f'since their probabilities sum to 1. Received: {role}="'
            f'{model.name}" with {num_classes}.'
        )
    return num_classes


def _check_classes(classes, num_classes):
    """Returns the classes as a tuple, validated as distinct integers."""
    numbers = np.atleast_1d(np.asarray(classes))
    is_valid = (
        numbers.ndim == 1
        and len(numbers) > 0
        and numbers.dtype.kind in "iu"
        and 0 <= numbers.min()
        and numbers.max() < num_classes
        and len(np.unique(numbers)) == len(numbers) < num_classes
    )
    if not is_valid:
        raise ValueError(
            "`classes` must be the number of a class or a list of different "
            f"ones, from 0 to {num_classes - 1}, not of all classes, since a "
            "shift of all of them changes nothing. Received: "
            f"classes={classes!r}."
        )
    return tuple(map(int, numbers))


def _head(model, num_classes):
    """Finds the last layer with weights, and validates it."""
    layers = [x for x in taps.layers(model).values() if x.weights]
    last = layers[-1] if layers else model
    if not (
        isinstance(last, keras.layers.Dense)
        and last.units == num_classes
        and last.use_bias
    ):
        found = type(last).__name__
        if isinstance(last, keras.layers.Dense):
            found += f" of {last.units} units, use_bias={last.use_bias}"
        raise ValueError(
            "`student` must end in a `keras.layers.Dense` with a bias and a "
            f"unit for each of the {num_classes} classes, since that bias is "
            f'moved. Received: student="{model.name}", whose last '
            f'layer with weights is "{last.name}" ({found}).'
        )
    return last


def _wanted(teacher, teacher_mass, x, classes, num_classes, batch_size):
    """Returns the wanted mean probability of each of the classes."""
    if (teacher is None) == (teacher_mass is None):
        raise ValueError(
            "`teacher` or `teacher_mass` must be given, and not both, since "
            "either says how frequent the classes are. Received: "
            f"teacher={teacher!r}, teacher_mass={teacher_mass!r}."
        )
    if teacher is None:
        mass = np.atleast_1d(
            as_array("teacher_mass", teacher_mass, "one for each class")
        )
    else:
        count = _num_classes(logits_of(teacher, "teacher"), "teacher", teacher)
        if count != num_classes:
            raise ValueError(
                "`teacher` must score the classes of the student. Received: "
                f'teacher="{teacher.name}" with {count} classes, and a student '
                f"with {num_classes}."
            )
        logits = _predict(teacher, x, batch_size, "teacher")
        mass = class_mass(logits)[list(classes)]
    is_valid = (
        mass.shape == (len(classes),) and np.all(mass > 0) and mass.sum() < 1
    )
    if not is_valid:
        name = "teacher_mass" if teacher is None else "teacher"
        raise ValueError(
            f"`{name}` must give each of `classes` a probability above 0, with "
            f"a sum below 1. Received: {mass.tolist()} for the classes "
            f"{list(classes)}."
        )
    return mass
