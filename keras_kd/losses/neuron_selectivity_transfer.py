"""Neuron selectivity transfer (Huang and Wang, 2017)."""

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.lengths import unit
from keras_kd.losses.positions import cover
from keras_kd.losses.positions import flat
from keras_kd.losses.positions import pool
from keras_kd.losses.positions import pooling


def selectivity_gap(teacher, student):
    """Squared maximum mean discrepancy of the channels of two maps.

    The mean of the kernel `dot(a, b)**2` over all pairs of channels is a sum
    of squares of a smaller matrix, that of the positions' or of the channels'
    dot products: no tensor has an axis for each of two sets of channels and
    one for positions.

    Args:
        teacher: `(batch, positions, teacher's channels)`.
        student: `(batch, positions, student's channels)`.

    Returns:
        One value per example, `(batch,)`.
    """
    theirs, ours = (
        # Divided by the root of its number of channels, a sum is a mean.
        unit(channels, axis=1) / channels.shape[-1] ** 0.5
        for channels in (teacher, student)
    )
    positions = teacher.shape[1]
    if positions is not None and positions <= max(
        teacher.shape[-1], student.shape[-1]
    ):
        # A square of a difference, which cancels nothing.
        gap = _products(ours, ours) - _products(theirs, theirs)
        return ops.sum(ops.square(gap), axis=(1, 2))
    return (
        _kernel(theirs, theirs)
        + _kernel(ours, ours)
        - 2 * _kernel(theirs, ours)
    )


def _products(first, second):
    """Dot products of the positions of two maps."""
    return ops.matmul(first, ops.transpose(second, (0, 2, 1)))


def _kernel(first, second):
    """Sum of the squared dot products of the channels of two maps."""
    products = ops.matmul(ops.transpose(first, (0, 2, 1)), second)
    return ops.sum(ops.square(products), axis=(1, 2))


@keras.saving.register_keras_serializable("keras_kd")
class NeuronSelectivityTransfer(DistillationLoss):
    """Matches where the channels of both models are active, as a set (NST).

    Each channel is a sample: the vector of its activations at all positions,
    divided by its length. How far apart the teacher's and the student's
    samples are is told by the squared maximum mean discrepancy with the kernel
    `k(a, b) = dot(a, b)**2`. The loss of one example is

    ```
    mean(k(teacher, teacher)) + mean(k(student, student))
        - 2 * mean(k(teacher, student))
    ```

    over all pairs of channels, so any numbers of channels meet without a
    projector, and their order does not count. Where the maps differ in size,
    the larger is average-pooled first, by a whole number in each axis.

    The published weight for the last maps of the stages, beside the
    cross-entropy, is 50 for their sum.

    Reference: [Huang and Wang, 2017](https://arxiv.org/abs/1707.01219),
    with the polynomial kernel.

    Args:
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Activations, `(batch, ..., channels)`, with at least one axis
            of positions, such as `(batch, height, width, channels)`.
        student: Activations of the same rank.
        student_mask: The Keras mask of the student's activations, filled in
            by Keras: what it hides is 0 in both models.

    Returns:
        One value per example, `(batch,)`, from 0 to 2.

    Raises:
        ValueError: If there are no positions, or whole pooling does not make
            the maps equal in size.

    Example:

    One channel that is active on the left, one on the right:

    >>> loss = keras_kd.losses.NeuronSelectivityTransfer(
    ...     teacher_tap="stage2", student_tap="stage2", loss_weight=50.0
    ... )
    >>> left, right = np.array([[[1.0], [0.0]]]), np.array([[[0.0], [3.0]]])
    >>> float(loss(left, right)[0])
    2.0
    """

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        pooling(self, teacher_shape, student_shape)

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        teacher = ops.stop_gradient(teacher)
        sizes = pooling(self, teacher.shape, student.shape)
        pair = cover(self, teacher, student, student_mask)
        return selectivity_gap(
            *(
                flat(pool(features, size))
                for features, size in zip(pair, sizes, strict=True)
            )
        )
