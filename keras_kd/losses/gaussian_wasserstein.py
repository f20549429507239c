"""Wasserstein distance of Gaussians of features (Lv et al., 2024)."""

import math
from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import WEIGHT
from keras_kd._core.arguments import check_count
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.positions import average
from keras_kd.losses.positions import check_positions
from keras_kd.losses.positions import check_unpooled
from keras_kd.losses.positions import counts
from keras_kd.losses.positions import flat
from keras_kd.losses.projected_loss import ProjectedLoss
from keras_kd.losses.shapes import shapes_agree

# As published: added to the variances.
EPSILON = 1e-5


def cells(features, grid):
    """Cuts each axis of positions into equal parts.

    Args:
        features: `(batch, ..., channels)`, of lengths that `grid` divides;
            `None` stays.
        grid: Number of parts of each axis.

    Returns:
        `(batch, cells, positions, channels)`.
    """
    if features is None:
        return None
    if grid == 1:
        return flat(features)[:, None]
    *lengths, channels = features.shape[1:]
    split = [part for n in lengths for part in (grid, n // grid)]
    parts = ops.reshape(features, (-1, *split, channels))
    axes = range(1, 1 + len(split))
    parts = ops.transpose(parts, (0, *axes[::2], *axes[1::2], 1 + len(split)))
    inside = math.prod(n // grid for n in lengths)
    return ops.reshape(parts, (-1, grid ** len(lengths), inside, channels))


def statistics(features, weights):
    """Mean and deviation of each channel over the positions.

    Args:
        features: `(batch, cells, positions, channels)`.
        weights: How much each position counts, `(batch, cells, positions,
            1)`, or `None` for 1.

    Returns:
        Two tensors `(batch, cells, channels)`. The variance is that of a
        sample of as many positions as count; of one it is 0.
    """
    mean = average(features, weights, axis=2)
    centred = features - mean[:, :, None]
    if weights is None:
        number = ops.cast(ops.shape(features)[2], features.dtype)
    else:
        number = ops.sum(ops.cast(weights > 0, features.dtype), axis=2)
    factor = number / ops.maximum(number - 1, 1)
    variance = factor * average(ops.square(centred), weights, axis=2)
    return mean, ops.sqrt(variance + EPSILON)


def gaussian_distance(teacher, student, mean_weight):
    """Squared Wasserstein distance of Gaussians without correlations.

    Args:
        teacher: Mean and deviation, two tensors `(batch, cells, channels)`.
        student: The same.
        mean_weight: Scalar, the factor on the means' part.

    Returns:
        The sum over the channels, averaged over the cells, `(batch,)`.
    """
    means, deviations = (
        ops.square(ours - theirs)
        for theirs, ours in zip(teacher, student, strict=True)
    )
    distance = ops.sum(mean_weight * means + deviations, axis=-1)
    return ops.mean(distance, axis=-1)


@keras.saving.register_keras_serializable("keras_kd")
class GaussianWasserstein(ProjectedLoss):
    """Matches how the values of each channel are spread (WKD-F).

    The positions of a map are samples of a Gaussian, one for each channel. How
    far two of them are apart is told by their squared Wasserstein distance,
    which keeps its sense where the Gaussians do not overlap. The loss of one
    example is

    ```
    sum(mean_weight * (mean(student) - mean(teacher))**2
        + (deviation(student) - deviation(teacher))**2)
    ```

    over the channels, with the means and deviations over all positions, or
    over those of each cell of a grid, and then the mean over the cells. The
    maps may differ in size.

    Published for CIFAR-100 are a weight of 0.08, `mean_weight=4` and no grid,
    with batch normalisation and ReLU behind the projector's 1x1 convolution;
    for ImageNet 0.02, 2 and `grid=4`. The weight falls to 0 towards the end,
    as `callbacks.Anneal` can let it.

    Reference: [Lv et al., 2024](https://arxiv.org/abs/2412.08139).

    Args:
        mean_weight: Float >= 0, the factor on the distance of the means. A
            variable. Defaults to `4.0`.
        grid: Integer, the number of parts into which each axis of positions
            is cut. Defaults to `1`, all positions together.
        projector: Maps the student's channels to the teacher's. `"infer"`, the
            default, is a 1x1 convolution where their numbers differ; or pass a
            `keras.Layer`, or `None`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Activations, `(batch, ..., channels)`, with at least one axis
            of positions.
        student: Activations of the same rank.
        position_weights: How much each position counts, of at least 0,
            `(batch, ...)` without the channels, or `None` for 1. Only ratios
            matter. A Distiller gives the sample weights of positions.
        student_mask: The Keras mask of the student's activations, filled in
            by Keras: what it hides does not count.

    Returns:
        One value per example, `(batch,)`.

    Raises:
        TypeError: If `projector` is no layer.
        ValueError: If `mean_weight` is negative, `grid` is no count or does
            not divide the lengths, there are no positions, or no projector
            fits the channels.

    Example:

    Means 2 and 5, and one deviation:

    >>> loss = keras_kd.losses.GaussianWasserstein(
    ...     teacher_tap="stage3", student_tap="stage3", loss_weight=0.08
    ... )
    >>> teacher = np.array([[[1.0], [3.0]]])
    >>> round(float(loss(teacher, teacher + 3)[0]), 4)
    36.0
    """

    def __init__(
        self,
        mean_weight: float = 4.0,
        grid: int = 1,
        *,
        projector: str | keras.layers.Layer | None = "infer",
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)
        self.mean_weight = self.add_hyperparameter(
            "mean_weight",
            mean_weight,
            "the factor on the distance of the means",
            WEIGHT,
        )
        check_count("grid", grid, "parts of an axis")
        self.grid = int(grid)

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_positions(self, teacher_shape, student_shape)
        super().build(teacher_shape, student_shape)

    def infer_projector(
        self, student_shape: Shape, teacher_shape: Shape
    ) -> keras.layers.Layer | None:
        # The maps need not have one size.
        anywhere = (None,) * (len(teacher_shape) - 1)
        return super().infer_projector(
            (*anywhere, student_shape[-1]), (*anywhere, teacher_shape[-1])
        )

    def check_fit(self, teacher_shape: Shape, student_shape: Shape) -> None:
        if not shapes_agree(teacher_shape[-1:], student_shape[-1:]):
            raise ValueError(
                f"{self.comparison(teacher_shape, student_shape)} Both must "
                "have the same channels, since each is compared with its "
                'like. Pass `projector="infer"`.'
            )
        lengths = [*teacher_shape[1:-1], *student_shape[1:-1]]
        if self.grid > 1 and any(n is None or n % self.grid for n in lengths):
            raise ValueError(
                f"{self.comparison(teacher_shape, student_shape)} `grid` must "
                "divide all lengths, since each axis is cut into equal parts. "
                f"Received: grid={self.grid}. Take `grid=1`."
            )

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        position_weights: Tensor | None = None,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        check_unpooled(self, teacher, student, student_mask, position_weights)
        teacher, student = self.project(teacher, student)
        weights = counts(student, student_mask, position_weights)
        return gaussian_distance(
            *(
                statistics(
                    cells(features, self.grid), cells(weights, self.grid)
                )
                for features in (teacher, student)
            ),
            self.mean_weight,
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"grid": self.grid}
