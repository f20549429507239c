"""Contrastive distillation of representations (Tian et al., 2020)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import WEIGHT
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.divergence import IMPOSSIBLE
from keras_kd.losses.divergence import divergence
from keras_kd.losses.example_pairs import mean_by
from keras_kd.losses.projected_vectors import ProjectedVectors

# As published: the largest factor on cosines, and the logarithm of the first.
LARGEST_SCALE = 10.0
FIRST_LOG_SCALE = 1.0


def contrast(teacher, student, weights, scale, consistency):
    """Cross-entropy of finding the own teacher among those of the batch.

    Args:
        teacher: Unit vectors, `(batch, width)`.
        student: Unit vectors, same shape.
        weights: `(batch,)`: an example of weight 2 stands there twice.
        scale: Scalar, the factor on cosines.
        consistency: Scalar, the factor on the divergence between how a student
            finds teachers and how a teacher finds students.

    Returns:
        One value per example, `(batch,)`.
    """
    logits = scale * ops.matmul(student, ops.transpose(teacher))
    counted = weights > 0
    log = ops.log(ops.where(counted, weights, 1))
    offset = ops.where(counted, log, IMPOSSIBLE)
    of_teachers, of_students = (
        one - ops.logsumexp(one + offset, axis=-1, keepdims=True)
        for one in (logits, ops.transpose(logits))
    )
    # As a mean times the number of examples, it is the sum over them.
    apart = ops.sum(weights) * mean_by(
        weights, divergence(of_students, of_teachers)
    )
    return consistency * apart - ops.diagonal(of_teachers)


@keras.saving.register_keras_serializable("keras_kd")
class ContrastiveRepresentation(ProjectedVectors):
    """Finds an example's teacher among those of the batch (CRD).

    Two linear projections bring the features of both models to vectors of
    length 1 of one width. Their cosine, times a learned scale, is a logit: a
    student's vector shall find the vector that the teacher has for the same
    example among those for all examples. The loss of one example is

    ```
    -log(softmax(logits of all teachers)[its own])
        + consistency * KL(p || q)
    ```

    with `q` that softmax, and `p` the one over all students by which the
    example's teacher finds its student. Any sizes of features meet, and the
    larger the batch, the harder the task.

    The form with a bank of one vector for each training example is that of
    the first paper; without the bank, from the batch alone and with
    `consistency`, it is that of the second (DCD), whose weight beside the
    cross-entropy is 1. Its bias on all logits changes no softmax and is left
    out. Both projections and the scale are trained and saved with the loss,
    and are no part of the student. Labels play no part: examples of one class
    are told apart like any others.

    Reference: [Tian et al., 2020](https://arxiv.org/abs/1910.10699), in the
    form of [2407.11802](https://arxiv.org/abs/2407.11802).

    Args:
        width: Integer, the length of the projected vectors. Defaults to `128`.
        consistency: Float >= 0, the factor on the divergence; 0 leaves the
            first part alone, which is known as InfoNCE. A variable. Defaults
            to `0.5`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Features of the teacher, `(batch, ...)`, flattened.
        student: Features of the student, `(batch, ...)`, of any other size.
        example_weights: Numbers of at least 0, `(batch,)`, or `None` for 1.
            An example of weight 2 counts as two; one of weight 0 is in no
            pair.
        student_mask: The Keras mask of the student's features, filled in by
            Keras: what it hides is 0 in both models.

    Returns:
        One value per example, `(batch,)`, that depends on the whole batch; 0
        for a batch of one.

    Raises:
        ValueError: If `width` is no count, `consistency` is negative, or a
            size of the features is not known.

    Example:

    >>> loss = keras_kd.losses.ContrastiveRepresentation(
    ...     width=16, teacher_tap="pool", student_tap="pool"
    ... )
    >>> loss(np.ones((3, 8)), np.ones((3, 5))).shape
    TensorShape([3])
    """

    def __init__(
        self, width: int = 128, consistency: float = 0.5, **kwargs: Any
    ):
        super().__init__(width, **kwargs)
        self.consistency = self.add_hyperparameter(
            "consistency", consistency, "the factor on the divergence", WEIGHT
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        super().build(teacher_shape, student_shape)
        self.log_scale = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(FIRST_LOG_SCALE),
            name="log_scale",
        )

    def relate(
        self, teacher: Tensor, student: Tensor, weights: Tensor
    ) -> Tensor:
        scale = ops.minimum(ops.exp(self.log_scale), LARGEST_SCALE)
        vectors = self.vectors(teacher, student)
        return contrast(*vectors, weights, scale, self.consistency)
