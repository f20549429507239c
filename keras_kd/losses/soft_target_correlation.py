"""Distillation from a stronger teacher (Huang et al., 2022)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import WEIGHT
from keras_kd._types import Tensor
from keras_kd.losses.example_pairs import relative
from keras_kd.losses.positions import counts
from keras_kd.losses.softened_loss import SoftenedLoss

# Added to the product of two lengths, as in the released code.
EPSILON = 1e-8
# A spread below this part of the numbers themselves is rounding, which has no
# direction: to follow it, the gradient would be some 1e7.
ROUNDING = 1e-12
# Keeps a root away from 0, where it has no gradient.
SMALLEST_SQUARE = 1e-30


def correlation_distance(teacher, student, axis, weights=None):
    """One minus the correlation of both tensors along an axis.

    ```
    1 - covariance / (deviation of one * deviation of the other + 1e-8)
    ```

    with sums in place of means. Computed from the distance of the centred unit
    vectors, it keeps its digits where the correlation is near 1.

    Args:
        teacher: Numbers of at least 0, of any shape.
        student: The same shape.
        axis: The axis that is summed over.
        weights: Of what is summed, broadcast to that shape. Defaults to `None`,
            all 1.

    Returns:
        That shape without the axis, from 0 to 2; 1, and no gradient, where one
        of the tensors does not vary.
    """
    theirs, ours = (
        _centred(numbers, axis, weights) for numbers in (teacher, student)
    )
    lengths = [
        ops.sqrt(
            ops.maximum(
                ops.sum(ops.square(one), axis=axis, keepdims=True),
                SMALLEST_SQUARE,
            )
        )
        for one in (theirs, ours)
    ]
    gap = ops.square(theirs / lengths[0] - ours / lengths[1])
    product = ops.squeeze(lengths[0] * lengths[1], axis=axis)
    half = 0.5 * ops.sum(gap, axis=axis)
    return (product * half + EPSILON) / (product + EPSILON)


def _centred(numbers, axis, weights):
    """Numbers less their mean, times the root of their weights."""
    if weights is None:
        centred = numbers - ops.mean(numbers, axis=axis, keepdims=True)
    else:
        # Not a product: what has no weight may be infinite.
        numbers = ops.where(weights > 0, numbers, 0.0)
        mean = ops.divide_no_nan(
            ops.sum(weights * numbers, axis=axis, keepdims=True),
            ops.sum(weights * ops.ones_like(numbers), axis=axis, keepdims=True),
        )
        root = ops.sqrt(weights)
        centred, numbers = root * (numbers - mean), root * numbers
    spread, size = (
        ops.sum(ops.square(one), axis=axis, keepdims=True)
        for one in (centred, numbers)
    )
    return ops.where(spread <= ROUNDING * size, 0.0, centred)


def batch_correlation_distance(teacher, student, weights=None):
    """One minus the correlation over the batch, averaged over the classes.

    Args:
        teacher: Probabilities, `(examples, classes)`.
        student: Probabilities, same shape.
        weights: Weights of the examples, `(examples,)`; what has 0 is not
            looked at. Defaults to `None`, all 1.

    Returns:
        A scalar.
    """
    if weights is not None:
        weights = ops.expand_dims(weights, axis=-1)
    return ops.mean(correlation_distance(teacher, student, 0, weights))


@keras.saving.register_keras_serializable("keras_kd")
class SoftTargetCorrelation(SoftenedLoss):
    """Matches the correlations of the softened probabilities (DIST).

    A teacher that is much stronger is surer than its student can be. This loss
    asks for its probabilities up to their scale and offset only: of the classes
    of one example, and of the examples for one class. With the probabilities
    `p` of the teacher and `q` of the student, the loss of one example is

    ```
    temperature**2 * (inter_weight * (1 - correlation of p and q over classes)
                      + intra_weight * mean over classes of
                            (1 - correlation of p and q over the batch))
    ```

    The second term is that of the whole batch, over all replicas, the same for
    all its examples: of a sequence or a map, all positions are the batch, and
    masked ones are left out. A batch of one example has no such correlation,
    and no gradient from it.

    The paper's weight is `loss_weight=2`, with 1 for the labels; its
    temperature is 1 on ImageNet and 4 on CIFAR-100.

    Reference: [Huang et al., 2022](https://arxiv.org/abs/2205.10536).

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `1.0`.
        inter_weight: Float >= 0, a variable: the factor on the term over
            classes. Defaults to `1.0`.
        intra_weight: Float >= 0, a variable: the factor on the term over the
            batch. Defaults to `1.0`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.
        example_weights: How much each example counts in the means over the
            batch, of at least 0, `(batch,)`, or `None` for 1. One of weight 2
            stands for two, one of weight 0 for none; only ratios matter.
        position_weights: The same for each position, `(batch, ...)` without
            the classes, or `None`.
        student_mask: The Keras mask of the student's logits, filled in by
            Keras: what it hides does not count.

    Returns:
        One value per example or position, `(batch, ...)`, from 0 to 4 with the
        default weights; 0 for what does not count.

    Raises:
        ValueError: If a number is out of range, the two logits differ in shape,
            or there is one class only.

    Example:
    >>> loss = keras_kd.losses.SoftTargetCorrelation()
    >>> teacher = np.log([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])
    >>> student = np.log([[0.5, 0.3, 0.2], [0.2, 0.4, 0.4]])
    >>> [round(float(value), 4) for value in loss(teacher, student)]
    [0.0157, 0.2441]
    """

    compares_examples = True

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        inter_weight: float = 1.0,
        intra_weight: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(temperature, **kwargs)
        self.inter_weight = self.add_hyperparameter(
            "inter_weight", inter_weight, "the factor on classes", WEIGHT
        )
        self.intra_weight = self.add_hyperparameter(
            "intra_weight", intra_weight, "the factor on the batch", WEIGHT
        )

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        example_weights: Tensor | None = None,
        position_weights: Tensor | None = None,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        teacher = ops.stop_gradient(teacher)
        weights = counts(student, student_mask, position_weights)
        if example_weights is not None:
            of_examples = counts(student, weights=example_weights)
            weights = of_examples if weights is None else weights * of_examples
        if weights is None:
            return self._values(teacher, student, None)
        counted = weights > 0
        # Not a product: what does not count may be infinite.
        teacher, student = (
            ops.where(counted, logits, 0.0) for logits in (teacher, student)
        )
        values = self._values(
            teacher, student, ops.reshape(relative(weights), (-1,))
        )
        return ops.where(ops.squeeze(counted, axis=-1), values, 0.0)

    def _values(self, teacher, student, weights):
        """The loss of each example or position.

        Args:
            teacher: Teacher logits.
            student: Student logits.
            weights: Of all positions in a row, or `None`.
        """
        p, q = map(ops.exp, self.log_probabilities(teacher, student))
        rows = (-1, student.shape[-1])
        intra = batch_correlation_distance(
            ops.reshape(p, rows), ops.reshape(q, rows), weights
        )
        inter = correlation_distance(p, q, axis=-1)
        return self.scale(self.inter_weight * inter + self.intra_weight * intra)
