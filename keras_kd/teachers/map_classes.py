"""A teacher of other classes than the student's."""

import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_kd._core.kinds import check_list
from keras_kd._core.predictions import logits_of
from keras_kd._core.teacher_protocol import check_stays
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.teachers.ensemble import EnsembleTeacher
from keras_kd.teachers.logits_of_probabilities import ends
from keras_kd.teachers.noisy import NoisyTeacher

# Fills the rows of a table that has lists of several lengths.
UNUSED = -1


def map_classes(
    model: keras.Model, classes: Sequence[int | Sequence[int] | None]
) -> keras.Model:
    """Returns a model of the student's classes, made of a model of others.

    For each class of the student, `classes` has the model's class that is the
    same. So a list may reorder them, and leave some out: `[2, 0]` are two of
    three, whose probabilities are then those given that it is one of the two.
    Several of the model's classes that are one of the student's are a list,
    `[0, [1, 2]]`: their probabilities are added. `None` is a class that the
    model does not know, and gives the probability 0: `[0, 1, None]`.

    Soft targets of a class that the teacher does not know teach the student
    that it never comes. Where there are labels of it, they say otherwise; where
    its examples are missing too, `procedures.correct_class_bias` mends the bias
    that the student learns, as in [Hinton et al., 2015](
    https://arxiv.org/abs/1503.02531), section 3.

    Args:
        model: A built `keras.Model` with one output of logits `(..., classes)`
            of a softmax. It stays as it is; layers and weights are shared.
        classes: For each class of the student, in their order, the number of
            one of the model's, a list of several, or `None`. Each of the
            model's is named once at most.

    Returns:
        A Functional `keras.Model` from the same input to logits of the
        student's classes: for the lists, logarithms of summed exponentials;
        for `None`, minus infinity, which soft targets take, and regressions on
        logits refuse. Taps keep their names; those of a model without a graph
        of layers begin with its name.

    Raises:
        TypeError: If `model` is not a `keras.Model`, or `classes` are none of
            these.
        ValueError: If the model is not built, does not give logits, has several
            outputs, or is an ensemble or noisy; if a number is not one of its
            classes, or comes twice, or no class has one.

    Example:

    The teacher tells cats, dogs and cars apart, and the student cars, planes
    and animals:

    >>> teacher = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> mapped = keras_kd.teachers.map_classes(teacher, [2, None, [0, 1]])
    >>> x = np.ones((1, 2))
    >>> (cat, dog, car), = keras.ops.softmax(teacher(x))
    >>> bool(np.allclose(keras.ops.softmax(mapped(x)), [[car, 0, cat + dog]]))
    True
    """
    output = logits_of(model, "model")
    check_stays(model, "model", "a teacher in another is not updated")
    if isinstance(model, EnsembleTeacher | NoisyTeacher):
        raise ValueError(
            "`model` must be the plain model, since what is made of its output "
            f'comes last. Received: model="{model.name}" of type '
            f"{type(model).__name__}. Map the classes of each model in it, and "
            f"make the `{type(model).__name__}` of those."
        )
    if output.shape[-1] < 2:
        raise ValueError(
            "`model` must have a logit for each of several classes. Received: "
            f'model="{model.name}" with one. One unit `z` with a sigmoid says '
            "the same as the logits `keras.ops.concatenate([keras.ops."
            "zeros_like(z), z], axis=-1)`: end it in these."
        )
    groups = _checked(classes, output.shape[-1])
    inputs, output = ends(model)
    return keras.Model(
        inputs, ClassMap(groups)(output), name=f"{model.name}_mapped"
    )


def _checked(classes, count):
    """Lists of the model's classes, one for each of the student's."""
    rows = "for each class of the student one of the model's, a list, or None"
    groups = [
        [] if of is None else list(of) if isinstance(of, list | tuple) else [of]
        for of in check_list("classes", classes, rows)
    ]
    given = [number for group in groups for number in group]
    for number in given:
        if isinstance(number, bool) or not isinstance(number, numbers.Integral):
            raise TypeError(
                "`classes` must be numbers of the model's classes, lists of "
                f"such, or None. Received: {number!r} of type "
                f"{type(number).__name__}."
            )
    others = [number for number in given if not 0 <= number < count]
    twice = [number for number in set(given) if given.count(number) > 1]
    if others or twice or not given:
        problem = (
            f"{others[0]}, and the model has the classes 0 to {count - 1}"
            if others
            else f"{twice[0]} more than once"
            if twice
            else f"classes={classes!r}, without any"
        )
        raise ValueError(
            "`classes` must name at least one of the model's classes, and each "
            f"once at most, since it is one class of the student. Received: "
            f"{problem}. What the student does not have is left out, and what "
            "the model does not have is None."
        )
    return [[int(number) for number in group] for group in groups]


@keras.saving.register_keras_serializable("keras_kd")
class ClassMap(keras.layers.Layer):
    """Logits of other classes, made of those of a model. See `map_classes`.

    Args:
        groups: List of lists of the classes that are added up.
        **kwargs: Passed to `keras.layers.Layer`; float32 unless told otherwise.
    """

    def __init__(self, groups: list[list[int]], **kwargs: Any):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.groups = [list(group) for group in groups]
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        longest = max(1, *map(len, self.groups))
        rows = [g + [UNUSED] * (longest - len(g)) for g in self.groups]
        # A weight, so that two teachers of other classes differ in what tells
        # teachers apart.
        self.table = self.add_weight(
            name="table",
            shape=(len(rows), longest),
            initializer=lambda shape, dtype: ops.convert_to_tensor(rows, dtype),
            dtype="int32",
            trainable=False,
        )

    def call(self, logits: Tensor) -> Tensor:
        table = ops.convert_to_tensor(self.table)
        is_used = ops.not_equal(table, UNUSED)
        found = ops.take(logits, ops.maximum(table, 0), axis=-1)
        found = ops.where(is_used, found, -np.inf)
        if found.shape[-1] == 1:
            return found[..., 0]
        # Of no classes at all, a logarithm of 0 would have no gradient.
        has_any = ops.any(is_used, axis=-1)
        sums = ops.logsumexp(
            ops.where(ops.expand_dims(has_any, axis=-1), found, 0.0), axis=-1
        )
        return ops.where(has_any, sums, -np.inf)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"groups": self.groups}
