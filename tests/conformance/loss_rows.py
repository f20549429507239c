"""What the conformance tests run: at least one row for every public loss."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_kd import losses

# Public names that are no loss of their own.
EXCEPTIONS = {"DistillationLoss": "the base class has no formula"}


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
    labels = keras.ops.argmax(teacher + student, axis=-1)
    return loss(teacher, student, labels=labels)


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

    def make(self, **kwargs):
        """A new loss, not yet built."""
        return getattr(losses, self.loss)(**self.arguments(), **kwargs)

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


ROWS = (
    Row("attention_transfer", "AttentionTransfer", (4, 4, 3), (4, 4, 2)),
    Row(
        "attention_transfer_squared",
        "AttentionTransfer",
        (4, 4, 3),
        (8, 2, 2),
        arguments=lambda: {"squared": True, "maximum": True, "power": 4},
    ),
    Row("binary_soft_targets", "BinarySoftTargets", (3,), (3,)),
    Row(
        "binary_soft_targets_one_unit",
        "BinarySoftTargets",
        (1,),
        (1,),
        arguments=lambda: {"temperature": 2.0},
    ),
    Row(
        "decoupled_soft_targets",
        "DecoupledSoftTargets",
        (5,),
        (5,),
        call=with_labels,
    ),
    Row(
        "decoupled_soft_targets_standardized",
        "DecoupledSoftTargets",
        (5,),
        (5,),
        arguments=lambda: {"standardize_logits": True},
        call=with_labels,
    ),
    Row("hint", "Hint", (4, 4, 3), (4, 4, 3)),
    Row("hint_vector", "Hint", (5,), (3,), is_divergence=False),
    Row("hint_sequence", "Hint", (6, 5), (6, 3), (6,), is_divergence=False),
    Row("hint_image", "Hint", (4, 4, 3), (6, 5, 2), is_divergence=False),
    Row("hint_pooled", "Hint", (4, 4, 3), (12, 12, 2), is_divergence=False),
    Row("hint_resized", "Hint", (5, 4, 3), (2, 2, 2), is_divergence=False),
    Row(
        "hint_with_projector",
        "Hint",
        (5,),
        (3,),
        arguments=lambda: {
            "projector": keras.layers.Dense(
                5, activation="tanh", dtype="float32"
            )
        },
        is_divergence=False,
    ),
    # Three numbers in, three classes out: where a Distiller serves gradients,
    # these are the shapes of the logits.
    Row(
        "input_gradient_symmetry",
        "InputGradientSymmetry",
        (3,),
        (3,),
        arguments=lambda: {"axis": -1},
        is_divergence=False,
        call=student_input_gradients,
    ),
    Row(
        "input_gradient_transfer",
        "InputGradientTransfer",
        (3,),
        (3,),
        call=input_gradients,
    ),
    Row("interpolated_soft_targets", "InterpolatedSoftTargets", (5,), (5,)),
    Row(
        "interpolated_soft_targets_sequence",
        "InterpolatedSoftTargets",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"steps": 100, "temperature": 2.0},
    ),
    Row("jensen_shannon_divergence", "JensenShannonDivergence", (5,), (5,)),
    Row("logit_regression", "LogitRegression", (5,), (5,)),
    Row(
        "logit_regression_centred",
        "LogitRegression",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"center": True},
        is_divergence=False,
    ),
    Row(
        "match",
        "Match",
        (4, 4, 3),
        (4, 4, 3),
        arguments=lambda: {"loss": keras.losses.Huber()},
    ),
    Row(
        "match_by_name",
        "Match",
        (6, 5),
        (6, 3),
        (6,),
        arguments=lambda: {
            "loss": "mean_absolute_error",
            "projector": "infer",
        },
        is_divergence=False,
    ),
    Row(
        "normalized_soft_targets",
        "NormalizedSoftTargets",
        (5,),
        (5,),
        is_divergence=False,
        call=with_labels,
    ),
    Row("probability_regression", "ProbabilityRegression", (5,), (5,)),
    Row("reverse_soft_targets", "ReverseSoftTargets", (5,), (5,)),
    Row("skewed_soft_targets", "SkewedSoftTargets", (5,), (5,)),
    Row(
        "skewed_soft_targets_reverse",
        "SkewedSoftTargets",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"reverse": True, "temperature": 2.0},
    ),
    # As published, it is 1e-8 over the variance where both are equal.
    Row(
        "soft_target_correlation",
        "SoftTargetCorrelation",
        (5,),
        (5,),
        is_divergence=False,
        compares_examples=True,
    ),
    Row(
        "soft_target_correlation_sequence",
        "SoftTargetCorrelation",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"temperature": 4.0},
        is_divergence=False,
        compares_examples=True,
    ),
    Row("soft_targets", "SoftTargets", (5,), (5,)),
    Row(
        "soft_targets_sequence",
        "SoftTargets",
        (6, 5),
        (6, 5),
        (6,),
        arguments=lambda: {"temperature": 2.0},
    ),
    Row(
        "soft_targets_standardized",
        "SoftTargets",
        (5,),
        (5,),
        arguments=lambda: {"standardize_logits": True, "temperature": 2.0},
    ),
)
NAMED_ROWS = tuple((row.name, row) for row in ROWS)
