"""Masked generative distillation (Yang et al., 2022)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_part
from keras_kd._core.kinds import check_flag
from keras_kd._core.seeds import ReplicaSeedGenerator
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.positions import check_positions
from keras_kd.losses.positions import check_unpooled
from keras_kd.losses.positions import counts
from keras_kd.losses.projected_loss import ProjectedLoss

# By the number of axes of positions.
CONVOLUTIONS = {
    1: keras.layers.Conv1D,
    2: keras.layers.Conv2D,
    3: keras.layers.Conv3D,
}


def squared_distance(teacher, student, weights=None):
    """Sum of the squared differences of two maps.

    Args:
        teacher: `(batch, ..., channels)`.
        student: Same shape.
        weights: How much each position counts, `(batch, ..., 1)`, or `None`
            for 1.

    Returns:
        The sum over positions and channels, `(batch,)`.
    """
    square = ops.square(student - teacher)
    if weights is not None:
        # Not a product alone: what does not count may be infinite.
        square = ops.where(weights > 0, weights * square, 0)
    return ops.sum(square, axis=tuple(range(1, len(square.shape))))


@keras.saving.register_keras_serializable("keras_kd")
class MaskedGeneration(ProjectedLoss):
    """Lets a masked feature of the student generate the teacher's (MGD).

    A random part of the student's feature is set to 0, other positions or
    channels in each step, and two 3x3 convolutions with a ReLU between must
    make the whole feature of the teacher of what is left. The loss of one
    example is

    ```
    sum((convolutions(mask * projector(student)) - teacher)**2)
    ```

    over positions and channels: a sum, as published, so its weight is small.
    Published are for detectors 0.00002 with `masked_part=0.65`, for
    segmentation 0.00002 with 0.75, and for the last map of a classifier
    0.00007 with `masked_part=0.15, mask_channels=True`.

    Nothing is masked outside of training. The convolutions and the projector
    are trained and saved with the loss, and are no part of the student.

    Reference: [Yang et al., 2022](https://arxiv.org/abs/2205.01529).

    Args:
        masked_part: Float, at least 0 and below 1: which part of the positions
            or channels is masked. Each is drawn by itself. Defaults to `0.65`.
        mask_channels: Whether whole channels are masked, for features whose
            positions say little. Defaults to `False`, whole positions.
        projector: Maps the student's feature to the teacher's shape; see
            `Hint`. Defaults to `"infer"`: none where the shapes are equal.
        seed: Integer, for the same masks in each run, or `None`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: The teacher's feature, `(batch, ..., channels)`, with one to
            three axes of positions.
        student: The student's feature, same shape but for the projector.
        position_weights: The factor on each position, of at least 0, `(batch,
            ...)` without the channels, or `None` for 1. A Distiller gives the
            sample weights of positions.
        student_mask: The Keras mask of the student's feature, filled in by
            Keras: what it hides is neither seen nor generated.

    Returns:
        One value per example, `(batch,)`.

    Raises:
        TypeError: If `projector` is no layer, or `mask_channels` no bool.
        ValueError: If `masked_part` is out of range, there are no positions,
            or the shapes differ and no projector fits them.

    Example:

    >>> loss = keras_kd.losses.MaskedGeneration(
    ...     teacher_tap="p3", student_tap="p3", loss_weight=2e-5
    ... )
    >>> loss(np.ones((2, 4, 4, 8)), np.ones((2, 4, 4, 3))).shape
    TensorShape([2])
    """

    def __init__(
        self,
        masked_part: float = 0.65,
        *,
        mask_channels: bool = False,
        projector: str | keras.layers.Layer | None = "infer",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)
        self.masked_part = check_part(
            "masked_part", masked_part, "a part of the feature", zero=True
        )
        check_flag("mask_channels", mask_channels, "what is masked")
        self.mask_channels = bool(mask_channels)
        check_count("seed", seed, "one sequence of masks", 0, is_optional=True)
        self.seed = seed
        self.seeds = ReplicaSeedGenerator(seed)

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_positions(self, teacher_shape, student_shape)
        super().build(teacher_shape, student_shape)
        convolution = CONVOLUTIONS.get(len(teacher_shape) - 2)
        if convolution is None or teacher_shape[-1] is None:
            raise ValueError(
                f"{self.comparison(teacher_shape, student_shape)} The "
                "teacher's feature must have one to three axes of positions "
                "and a known number of channels, since convolutions generate "
                "it. Tap another layer."
            )
        self.convolutions = [
            convolution(
                teacher_shape[-1],
                3,
                padding="same",
                activation=activation,
                data_format="channels_last",
                dtype=self.compute_dtype,
            )
            for activation in ("relu", None)
        ]
        for layer in self.convolutions:
            layer.build((None, *teacher_shape[1:]))

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        position_weights: Tensor | None = None,
        student_mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        check_unpooled(self, teacher, student, student_mask)
        teacher, generated = self.project(teacher, student)
        seen = counts(generated, student_mask)
        if training and self.masked_part:
            generated = generated * self._mask(generated)
        for layer in self.convolutions:
            if seen is not None:
                generated = ops.where(seen > 0, generated, 0)
            generated = layer(generated)
        weights = counts(generated, student_mask, position_weights)
        return squared_distance(teacher, generated, weights)

    def _mask(self, features):
        """Zeros for what is masked, `(batch, ..., 1)`, or one per channel."""
        batch, *lengths, channels = ops.shape(features)
        if self.mask_channels:
            shape = batch, *(1 for _ in lengths), channels
        else:
            shape = batch, *lengths, 1
        drawn = keras.random.uniform(
            shape, dtype=features.dtype, seed=self.seeds
        )
        return ops.cast(drawn >= self.masked_part, features.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "masked_part": self.masked_part,
            "mask_channels": self.mask_channels,
            "seed": self.seed,
        }
