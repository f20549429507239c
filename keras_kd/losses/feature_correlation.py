"""Distillation by the Pearson correlation of features (Cao et al., 2022)."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.example_pairs import relative
from keras_kd.losses.positions import average
from keras_kd.losses.positions import check_unpooled
from keras_kd.losses.positions import counts
from keras_kd.losses.positions import flat
from keras_kd.losses.projected_loss import ProjectedLoss

# As published: added to a channel's deviation.
EPSILON = 1e-6
# A variance that is a smaller part of the mean square is rounding.
ROUNDING = 1e-12


def standardised(features, weights):
    """Channels of mean 0 and deviation 1 over the examples and positions.

    Args:
        features: `(batch, positions, channels)`.
        weights: How much each position counts, `(batch, positions, 1)`, 1
            on average over those above 0.

    Returns:
        That shape; 0, and no gradient, where a channel does not vary.
    """
    total = ops.maximum(ops.sum(weights), 1)

    def summed(values):
        return ops.sum(weights * values, axis=(0, 1))

    centred = features - summed(features) / total
    # Of large numbers, the mean of what is left is not quite 0.
    centred = centred - summed(centred) / total
    square = summed(ops.square(centred))
    varies = square > ROUNDING * summed(ops.square(features))
    # The variance of a sample.
    variance = square / ops.maximum(total - 1, 1)
    deviation = ops.sqrt(ops.where(varies, variance, 1))
    return ops.where(varies, centred, 0) / (deviation + EPSILON)


@keras.saving.register_keras_serializable("keras_kd")
class FeatureCorrelation(ProjectedLoss):
    """Matches the patterns of channels, and not their sizes (PKD).

    For detectors, also of different families: where the features of one model
    are larger than those of the other, or a few channels by far the largest, a
    squared difference sees little else. Here each channel is first brought to
    mean 0 and deviation 1 over all positions of all examples of the batch, in
    both models. The loss of one example is

    ```
    mean((standardised(student) - standardised(teacher))**2) / 2
    ```

    over positions and channels. The mean over a batch of n positions is
    (n - 1) / n times one minus the correlation of the channels.

    The published weight for each map of a detector's pyramid is 6.

    Reference: [Cao et al., 2022](https://arxiv.org/abs/2207.02039).

    Args:
        projector: Maps the student's feature to the teacher's shape; see
            `Hint`. Defaults to `"infer"`: none where the shapes are equal.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Features, `(batch, ..., channels)`.
        student: Features, same shape but for the projector.
        example_weights: How much each example counts in the means and
            deviations, of at least 0, `(batch,)`, or `None` for 1. One of
            weight 2 stands for two, one of weight 0 for none; only ratios
            matter.
        position_weights: The same for each position, `(batch, ...)` without
            the channels, or `None`. A Distiller gives the sample weights of
            positions.
        student_mask: The Keras mask of the student's feature, filled in by
            Keras: what it hides does not count.

    Returns:
        One value per example, `(batch,)`, that depends on the whole batch; 0
        for those of weight 0.

    Raises:
        TypeError: If `projector` is no layer.
        ValueError: If the shapes differ and no projector fits them.

    Example:

    No scale and no offset counts, and the opposite is the farthest:

    >>> loss = keras_kd.losses.FeatureCorrelation(
    ...     teacher_tap="p3", student_tap="p3", loss_weight=6.0
    ... )
    >>> teacher = np.array([[[1.0], [2.0], [3.0]]])
    >>> round(float(loss(teacher, 5 + 100 * teacher)[0]), 4)
    0.0
    >>> round(float(loss(teacher, -teacher)[0]), 4)
    1.3333
    """

    compares_examples = True

    def __init__(
        self,
        *,
        projector: str | keras.layers.Layer | None = "infer",
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        example_weights: Tensor | None = None,
        position_weights: Tensor | None = None,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        check_unpooled(self, teacher, student, student_mask)
        teacher, student = self.project(teacher, student)
        within = flat(counts(student, student_mask, position_weights))
        teacher, student = flat(teacher), flat(student)
        if within is None:
            within = ops.ones_like(student[..., :1])
        weights = within
        if example_weights is not None:
            example_weights = ops.cast(example_weights, student.dtype)
            weights = within * example_weights[:, None, None]
        # Not a product: what does not count may be infinite.
        theirs, ours = (
            standardised(ops.where(weights > 0, features, 0), relative(weights))
            for features in (teacher, student)
        )
        # Of an example that does not count, no position does.
        within = ops.where(weights > 0, within, 0)
        square = ops.square(ours - theirs) / 2
        return ops.mean(average(square, within), axis=-1)
