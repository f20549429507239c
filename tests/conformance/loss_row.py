"""A row of the conformance tests of losses, and how a loss is called."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_kd import losses


def two_tensors(loss, teacher, student):
    return loss(teacher, student)


def input_gradients(loss, teacher, student):
    """Both tensors are gradients of the input; what the taps give is unused."""
    return loss(
        keras.ops.zeros_like(teacher),
        keras.ops.zeros_like(student),
        teacher_input_gradient=teacher,
        student_input_gradient=student,
    )


def student_input_gradients(loss, teacher, student):
    """The student's tensor is its gradient, and, negated, that of the view."""
    return loss(
        teacher,
        keras.ops.zeros_like(student),
        student_input_gradient=student,
        student_input_gradient_of_view=-student,
    )


def with_labels(loss, teacher, student):
    """Labels that neither model need be right about."""
    labels = keras.ops.argmax(keras.ops.add(teacher, student), axis=-1)
    return loss(teacher, student, labels=labels)


def with_numbers(loss, teacher, student):
    """Labels that are numbers: 1, to which either model may be nearer."""
    return loss(teacher, student, labels=keras.ops.ones_like(teacher))


def of_stages(teacher_stages, student_stages=()):
    """Each tensor is all stages of its model in one, as in training.

    Args:
        teacher_stages: Shapes of one example at the taps, a tuple.
        student_stages: The same of the student; `()` if it has one tap.
    """

    def call(loss, teacher, student):
        return loss(
            apart(teacher, teacher_stages),
            apart(student, student_stages) if student_stages else student,
            training=True,
        )

    return call


def apart(tensor, shapes):
    """The parts of a tensor that have these shapes, a tuple."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    parts = keras.ops.split(tensor, [int(end) for end in ends], axis=-1)
    return tuple(
        keras.ops.reshape(part, (-1, *shape))
        for part, shape in zip(parts, shapes, strict=True)
    )


@dataclasses.dataclass(frozen=True)
class Row:
    """A loss, how to make it, and what it compares.

    Attributes:
        name: Unique, in snake case.
        loss: Name in `losses.__all__`.
        teacher_shape: Shape of one example at the teacher's tap.
        student_shape: Shape of one example at the student's tap.
        value_shape: Shape of one example's value.
        arguments: Makes the constructor's arguments, with fresh layers in it.
        is_divergence: Whether it is zero where both tensors are equal.
        call: From the loss and both tensors to values, for a loss that
            `needs` more, which is made of them.
        compares_examples: Whether the value of an example depends on the
            others in the batch.
        teacher_stages: Of a loss with several taps, the shapes of one example
            at each of the teacher's; `teacher_shape` is that of all in one.
        student_stages: The same of the student.
        weight: Its weight in a model with every loss.
    """

    name: str
    loss: str
    teacher_shape: tuple
    student_shape: tuple
    value_shape: tuple = ()
    arguments: Callable[[], dict[str, Any]] = dict
    is_divergence: bool = True
    call: Callable = two_tensors
    compares_examples: bool = False
    teacher_stages: tuple = ()
    student_stages: tuple = ()
    weight: float = 1.0

    def make(self, **kwargs):
        """A new loss, not yet built."""
        return getattr(losses, self.loss)(**self.arguments(), **kwargs)

    def tap(self, side):
        """The names of the layers that it compares: one, or a tuple.

        Args:
            side: `"teacher"` or `"student"`.
        """
        count = len(getattr(self, f"{side}_stages"))
        return tuple(f"{self.name}_{i}" for i in range(count)) or self.name

    @property
    def taps(self):
        """The taps of both sides, arguments of the loss."""
        return {f"{s}_tap": self.tap(s) for s in ("teacher", "student")}

    def layers(self, side):
        """Shapes of one example by the names of layers, a dict.

        Args:
            side: `"teacher"` or `"student"`.
        """
        stages = getattr(self, f"{side}_stages")
        if not stages:
            return {self.name: getattr(self, f"{side}_shape")}
        return dict(zip(self.tap(side), stages, strict=True))

    def make_function(self):
        """A new loss as a function of both tensors."""
        return functools.partial(self.call, self.make())

    def tensors(self, batch=4, seed=0):
        """Random float32 tensors of the teacher and of the student."""
        random = np.random.default_rng(seed)
        return tuple(
            random.normal(size=(batch, *shape)).astype("float32")
            for shape in (self.teacher_shape, self.student_shape)
        )
