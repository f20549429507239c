"""Channel-wise distillation of maps (Shu et al., 2021)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import TEMPERATURE
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.divergence import IMPOSSIBLE
from keras_kd.losses.divergence import divergence
from keras_kd.losses.positions import check_positions
from keras_kd.losses.positions import check_unpooled
from keras_kd.losses.positions import counts
from keras_kd.losses.positions import flat
from keras_kd.losses.projected_loss import ProjectedLoss


def channel_divergence(teacher, student, weights, temperature):
    """Divergence of the distributions of each channel over the positions.

    Args:
        teacher: `(batch, positions, channels)`.
        student: Same shape.
        weights: How much each position counts, `(batch, positions, 1)`, or
            `None`: one of weight 2 stands for two.
        temperature: Scalar > 0 that divides both.

    Returns:
        The mean over the channels in nats, `(batch,)`.
    """
    offset = 0.0
    if weights is not None:
        counted = weights > 0
        log = ops.log(ops.where(counted, weights, 1))
        offset = ops.where(counted, log, IMPOSSIBLE)
        # Not a sum alone: what does not count may be infinite.
        teacher, student = (
            ops.where(counted, features, 0) for features in (teacher, student)
        )
    log_p, log_q = (
        ops.log_softmax(features / temperature + offset, axis=1)
        for features in (teacher, student)
    )
    return ops.mean(ops.sum(divergence(log_p, log_q), axis=1), axis=-1)


@keras.saving.register_keras_serializable("keras_kd")
class ChannelDistributions(ProjectedLoss):
    """Matches where each channel of a map is strong (CWD).

    For semantic segmentation and detection. A softmax over all positions of a
    channel, instead of one over the channels of a position, makes a
    distribution that tells where the channel sees something, and forgets how
    strong it is. The loss of one example is

    ```
    temperature**2 * mean(KL(softmax(teacher / temperature)
                             || softmax(student / temperature)))
    ```

    with the softmax over the positions and the mean over the channels.

    Published for the logits of a segmentation are a weight of 3 with
    `temperature=4`, or 5 with 1; for the maps of a detector's pyramid 10 with
    1.

    Reference: [Shu et al., 2021](https://arxiv.org/abs/2011.13256).

    Args:
        temperature: Float from 0.001 to 1e6. The higher, the more positions
            count. A variable, so that a callback can anneal it. Defaults to
            `4.0`.
        projector: Maps the student's channels to the teacher's; see `Hint`.
            Defaults to `"infer"`: none where the shapes are equal.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Activations or logits, `(batch, ..., channels)`, with at least
            one axis of positions.
        student: Activations or logits, same shape but for the projector.
        position_weights: How much each position counts, of at least 0,
            `(batch, ...)` without the channels, or `None` for 1. One of weight
            2 stands for two, one of weight 0 for none; only ratios matter. A
            Distiller gives the sample weights of positions.
        student_mask: The Keras mask of the student's tensor, filled in by
            Keras: what it hides does not count.

    Returns:
        One value per example in nats, `(batch,)`.

    Raises:
        TypeError: If `projector` is no layer.
        ValueError: If `temperature` is out of range, there are no positions,
            or the shapes differ and no projector fits them.

    Example:

    Three quarters of a channel are on the left, and half of it:
    3/4 log(3/2) + 1/4 log(1/2).

    >>> loss = keras_kd.losses.ChannelDistributions(
    ...     temperature=1.0, teacher_tap="logits", student_tap="logits"
    ... )
    >>> teacher = np.log([[[3.0], [1.0]]])
    >>> student = np.array([[[7.0], [7.0]]])
    >>> round(float(loss(teacher, student)[0]), 4)
    0.1308
    """

    def __init__(
        self,
        temperature: float = 4.0,
        *,
        projector: str | keras.layers.Layer | None = "infer",
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)
        self.temperature = self.add_hyperparameter(
            "temperature", temperature, "what divides the maps", TEMPERATURE
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_positions(self, teacher_shape, student_shape)
        super().build(teacher_shape, student_shape)

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        position_weights: Tensor | None = None,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        check_unpooled(self, teacher, student, student_mask)
        teacher, student = self.project(teacher, student)
        weights = counts(student, student_mask, position_weights)
        return ops.square(self.temperature) * channel_divergence(
            flat(teacher), flat(student), flat(weights), self.temperature
        )
