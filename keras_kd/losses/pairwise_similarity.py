"""Similarity-preserving distillation (Tung and Mori, 2019)."""

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.example_pairs import ExamplePairs
from keras_kd.losses.lengths import unit


def similarity_gap(teacher, student, weights):
    """Squared difference of the similarities to all examples of the batch.

    Args:
        teacher: `(batch, teacher's features)`.
        student: `(batch, student's features)`.
        weights: `(batch,)`.

    Returns:
        For each example the sum over the batch, divided by its size, of the
        squared differences of two rows of length 1, `(batch,)`.
    """
    theirs, ours = (
        # An example of weight 2 stands for two entries of the row.
        unit(ops.sqrt(weights) * ops.matmul(rows, ops.transpose(rows)))
        for rows in (teacher, student)
    )
    square = ops.sum(ops.square(ours - theirs), axis=-1)
    return ops.divide_no_nan(square, ops.sum(weights))


@keras.saving.register_keras_serializable("keras_kd")
class PairwiseSimilarity(ExamplePairs):
    """Matches which examples of a batch are alike (SP).

    The dot products of an example's features with those of all examples of
    the batch are a row, which is divided by its length. The loss of one
    example is

    ```
    sum((row(student) - row(teacher))**2) / batch
    ```

    so that features of any sizes meet without a projector, and the mean over
    the batch is the number of the paper. It is small, at most 4 / batch: the
    published weight, for the last map of a convolutional net beside the
    cross-entropy, is 3000.

    Reference: [Tung and Mori, 2019](https://arxiv.org/abs/1907.09682).

    Args:
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
        One value per example, `(batch,)`, that depends on the whole batch.

    Example:

    Alike for the teacher, and at right angles for the student:

    >>> loss = keras_kd.losses.PairwiseSimilarity(
    ...     teacher_tap="stage3", student_tap="stage3", loss_weight=3000.0
    ... )
    >>> same, apart = np.array([[1.0], [1.0]]), np.array([[2.0, 0], [0, 2]])
    >>> [round(float(value), 4) for value in loss(same, apart)]
    [0.2929, 0.2929]
    """

    def relate(
        self, teacher: Tensor, student: Tensor, weights: Tensor
    ) -> Tensor:
        return similarity_gap(teacher, student, weights)
