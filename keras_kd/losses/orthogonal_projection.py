"""Distillation by an orthogonal projection (Miles et al., 2024)."""

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.lengths import huber
from keras_kd.losses.positions import average
from keras_kd.losses.positions import check_unpooled
from keras_kd.losses.positions import counts
from keras_kd.losses.positions import flat

# As published: added to the variance of the teacher's feature.
EPSILON = 1e-5


def orthonormal(matrix):
    """Brings the vectors of a matrix to length 1 and at right angles.

    Args:
        matrix: `(rows, columns)`, of full rank.

    Returns:
        That shape. Of the columns if there are no more of them than rows, and
        else of the rows, each is what the vectors before it leave of it.
    """
    rows, columns = matrix.shape
    if rows < columns:
        return ops.transpose(orthonormal(ops.transpose(matrix)))
    vectors, triangle = ops.qr(matrix)
    # The signs are free, and must not jump while the matrix moves.
    return vectors * ops.where(ops.diagonal(triangle) < 0, -1.0, 1.0)


def normalised(features):
    """Features of mean 0 and deviation 1 over the last axis.

    Args:
        features: `(batch, channels)`.
    """
    centred = features - ops.mean(features, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return centred / ops.sqrt(variance + EPSILON)


@keras.saving.register_keras_serializable("keras_kd")
class OrthogonalProjection(DistillationLoss):
    """Predicts the teacher's feature by turning the student's (VKD).

    For students of another family than the teacher, such as a small vision
    transformer of a convolutional net. The projection to the teacher's channels
    is trained with the loss, but can only turn: its columns (its rows, where
    the teacher has more channels) have length 1 and are at right angles, so
    that it keeps the student's distances and cannot learn in its place. The
    loss of one example is

    ```
    mean(huber(student @ projection - normalised(teacher)))
    ```

    over the teacher's channels, where `normalised` brings the teacher's
    feature to mean 0 and deviation 1 over its channels, and `huber` is half
    the square up to 1, from there linear. Maps and sequences are averaged over
    all positions first.

    The projection is trained and saved with the loss, and is no part of the
    student. The published weight, beside the cross-entropy, is 1.

    Reference: [Miles et al., 2024](https://arxiv.org/abs/2403.06213).

    Args:
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: The teacher's feature, `(batch, ..., channels)`.
        student: The student's feature, `(batch, ..., channels)`, of any number
            of channels and positions.
        student_mask: The Keras mask of the student's feature, filled in by
            Keras: what it hides is in neither mean.

    Returns:
        One value per example, `(batch,)`.

    Raises:
        ValueError: If a number of channels is not known.

    Example:

    >>> loss = keras_kd.losses.OrthogonalProjection(
    ...     teacher_tap="pool", student_tap="pool"
    ... )
    >>> loss(np.ones((2, 4, 4, 8)), np.ones((2, 5))).shape
    TensorShape([2])
    >>> kernel = keras.ops.convert_to_numpy(loss.projection)
    >>> bool(np.allclose(kernel @ kernel.T, np.eye(5), atol=1e-6))
    True
    """

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        shape = student_shape[-1], teacher_shape[-1]
        if None in shape or min(len(student_shape), len(teacher_shape)) < 2:
            raise ValueError(
                f"{self.comparison(teacher_shape, student_shape)} Both must "
                "have a known number of channels, since a projection takes one "
                "to the other. Give the model an `Input` that fixes it."
            )
        self.kernel = self.add_weight(
            shape=shape, initializer="orthogonal", name="kernel"
        )

    @property
    def projection(self) -> Tensor:
        """The projection, `(student's channels, teacher's channels)`."""
        return orthonormal(ops.convert_to_tensor(self.kernel))

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        check_unpooled(self, teacher, student, student_mask)
        weights = flat(counts(student, student_mask))
        teacher, student = (
            average(flat(features), weights) for features in (teacher, student)
        )
        target = normalised(ops.stop_gradient(teacher))
        gap = ops.matmul(student, self.projection) - target
        return ops.mean(huber(gap), axis=-1)
