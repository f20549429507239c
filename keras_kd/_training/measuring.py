"""Measures of one batch, which say why a training may lead nowhere."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_kd import batch
from keras_kd._core import ensemble_logits
from keras_kd._core import tapped_model
from keras_kd._training.expected import SIGMOID
from keras_kd._types import Data


@dataclasses.dataclass(frozen=True)
class Hits:
    """Counts of a teacher that is right on the labels of a batch.

    Attributes:
        output: Name of the output, `None` for the only one.
        right: Number of labels that the teacher's choice equals.
        labels: Number of labels that count.
        most_frequent: Number of those of the most frequent class.
        by_chance: Number that would be right on average if the same choices
            came in a random order.
    """

    output: str | None
    right: int
    labels: int
    most_frequent: int
    by_chance: float


@dataclasses.dataclass(frozen=True)
class Measures:
    """Measures of one batch.

    Attributes:
        norms: For each student, a dict from each term of the loss to the norm
            of its gradient by the student's weights, without its weight, up to
            a factor that all share; `None` if it does not depend on them.
        penalty: Regularisation of a student, the mean if there are several.
        hits: `Hits` of each output of classes that has labels.
    """

    norms: list
    penalty: float
    hits: list


def measure(distiller, data: Data) -> Measures:
    """Evaluates a batch, and each term's gradient by the student's weights.

    It is one pass of the models, in inference mode, and a step back for
    each term. Nothing is changed.

    Args:
        distiller: A compiled `Distiller` or `MutualDistiller`.
        data: The batch, as a step gets it.

    Returns:
        `Measures`.
    """
    output, penalties, norms = distiller.gradient_step(data)
    sums = [
        sum(float(ops.convert_to_numpy(ops.sum(value))) for value in values)
        for values in penalties
    ]
    return Measures(
        [
            {
                name: None if norm is None else float(norm)
                for name, norm in of_student.items()
            }
            for of_student in norms
        ],
        float(np.mean(sums)),
        [] if output is None else _hits(distiller, output, data),
    )


def _hits(distiller, teacher_output, data):
    """`Hits` of each output that has labels of classes, of one teacher."""
    targets = distiller._parts.reader.read(data).targets
    names = distiller._parts.comparison.teacher.output_names
    found = []
    for name, output in distiller._find_outputs(distiller.loss).items():
        is_multi_label = output.activation == SIGMOID and output.units != 1
        if is_multi_label or (names and name not in names):
            continue
        said = tapped_model.pick(teacher_output, names, name)
        scores = _array(ensemble_logits.as_logits(said))
        counted = _counted(targets, name, scores.shape[:-1])
        labels = _class_numbers(
            batch.of_output(targets.labels, targets.names, name),
            scores.shape,
            counted,
        )
        if scores.shape[-1] != output.units or labels is None:
            continue
        choice = _choice(scores)[counted]
        classes = 1 + max(labels.max(), choice.max())
        of_labels, of_choices = (
            np.bincount(numbers, minlength=classes)
            for numbers in (labels, choice)
        )
        found.append(
            Hits(
                name,
                int(np.sum(labels == choice)),
                len(labels),
                int(of_labels.max()),
                float(of_labels @ of_choices / len(labels)),
            )
        )
    return found


def _array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor), "float64")


def _choice(scores):
    """Numbers of the classes with the highest scores."""
    if scores.shape[-1] > 1:
        return scores.argmax(axis=-1)
    # Of one unit, probabilities look like this, and logits do not.
    is_probability = scores.min() >= 0 and scores.max() <= 1
    return (scores[..., 0] > (0.5 if is_probability else 0)).astype("int64")


def _class_numbers(labels, shape, counted):
    """Labels that count as numbers of classes, or `None` if they are no such.

    Args:
        labels: Labels of one output: numbers of classes, `(batch, ...)` or
            `(batch, ..., 1)`, or probabilities of them; or anything else.
        shape: That of the scores, `(batch, ..., classes)`.
        counted: Which labels count: boolean `(batch, ...)`.

    Returns:
        Integers, one axis.
    """
    if labels is None or keras.tree.is_nested(labels):
        return None
    labels, classes = _array(labels), shape[-1]
    if labels.shape == shape and classes > 1:
        labels = labels[counted]
        if labels.min(initial=0) < 0 or not np.allclose(labels.sum(-1), 1):
            return None
        labels = labels.argmax(axis=-1)
    elif labels.shape in (shape[:-1], (*shape[:-1], 1)):
        labels = labels.reshape(shape[:-1])[counted]
    else:
        return None
    is_class = np.isin(labels, np.arange(max(2, classes)))
    return labels.astype("int64") if len(labels) and is_class.all() else None


def _counted(targets, name, shape):
    """Which labels of an output count: boolean, of a shape."""
    counted = np.ones(shape, bool)
    factors = targets.masks(name, reads_labels=True)
    factors.append(batch.of_output(targets.weights, targets.names, name))
    for factor in factors:
        if factor is not None and not keras.tree.is_nested(factor):
            factor = _array(factor)
            missing = (1,) * (len(shape) - factor.ndim)
            # Weights of something else than the labels tell nothing here.
            if factor.ndim <= len(shape):
                counted &= factor.reshape((*factor.shape, *missing)) > 0
    return counted
