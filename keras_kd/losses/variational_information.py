"""Variational information distillation (Ahn et al., 2019)."""

import math
from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import Bounds
from keras_kd._core.arguments import check_within
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.projected_loss import ProjectedLoss
from keras_kd.losses.shapes import mean_over_features

# As published: the smallest variance.
SMALLEST_VARIANCE = 1e-5
VARIANCE = Bounds(1e-4, 1e12)


def negative_log_likelihood(teacher, mean, variance):
    """Negative logarithm of a Gaussian density, without its constant.

    Args:
        teacher: `(batch, ..., channels)`.
        mean: Same shape.
        variance: `(channels,)`, above 0.

    Returns:
        The mean over all axes but the batch, `(batch,)`; of a sequence
        `(batch, steps, features)` the mean over the features,
        `(batch, steps)`.
    """
    terms = ops.square(teacher - mean) / variance + ops.log(variance)
    return mean_over_features(terms / 2, teacher.shape)


@keras.saving.register_keras_serializable("keras_kd")
class VariationalInformation(ProjectedLoss):
    """Lets the student's feature tell as much of the teacher's as it can (VID).

    A Gaussian predicts the teacher's feature from the student's: its mean is
    what a small net makes of the student's feature, and its variance is
    learned, one for each channel. Maximising its likelihood maximises a lower
    bound of the mutual information of both features. A channel that cannot be
    predicted gets a large variance and stops to matter. The loss of one
    example is

    ```
    mean((mean - teacher)**2 / variance + log(variance)) / 2
    ```

    It is no distance: it is negative where the fit is good. The variances and
    the net are trained and saved with the loss, and are no part of the student.

    The published weight, beside the cross-entropy, is 1 for each stage.

    Reference: [Ahn et al., 2019](https://arxiv.org/abs/1904.05835).

    Args:
        initial_variance: Float from 0.0001, with which all channels begin.
            Defaults to `5.0`, as in published code.
        projector: Makes the mean from the student's feature. `"infer"`, the
            default, is three 1x1 convolutions without bias and with ReLU
            between, each as wide as the teacher's feature, behind
            `projectors.infer` where positions differ. Or pass a `keras.Layer`,
            or `None` for the student's feature itself.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: The teacher's feature, `(batch, ..., channels)`.
        student: The student's feature. Masked steps are for the Distiller to
            leave out.

    Returns:
        One value per example, `(batch,)`; of sequences `(batch, steps,
        features)` one per step, `(batch, steps)`.

    Raises:
        TypeError: If `projector` is no layer.
        ValueError: If `initial_variance` is below 0.0001, the number of the
            teacher's channels is not known, or no projector fits the shapes.

    Example:

    At the mean, the loss is half the logarithm of the variance:

    >>> loss = keras_kd.losses.VariationalInformation(
    ...     initial_variance=1.0, projector=None, teacher_tap="stage2"
    ... )
    >>> feature = np.ones((1, 4))
    >>> round(float(loss(feature, feature)[0]), 4)
    0.0
    >>> round(float(loss(feature, feature + 2)[0]), 4)
    2.0
    """

    def __init__(
        self,
        initial_variance: float = 5.0,
        *,
        projector: str | keras.layers.Layer | None = "infer",
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)
        self.initial_variance = check_within(
            "initial_variance",
            initial_variance,
            VARIANCE,
            "what divides squares",
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        if teacher_shape[-1] is None:
            raise ValueError(
                f"{self.comparison(teacher_shape, student_shape)} The "
                "teacher's number of channels must be known, since each has a "
                "variance. Give the model an `Input` that fixes it."
            )
        super().build(teacher_shape, student_shape)
        # `softplus` of it is the variance, less the smallest.
        above = self.initial_variance - SMALLEST_VARIANCE
        raw = above + math.log(-math.expm1(-above))
        self.raw_variance = self.add_weight(
            shape=(teacher_shape[-1],),
            initializer=keras.initializers.Constant(raw),
            name="raw_variance",
        )

    def infer_projector(
        self, student_shape: Shape, teacher_shape: Shape
    ) -> keras.layers.Layer:
        inferred = super().infer_projector(student_shape, teacher_shape)
        layers = [keras.Input(student_shape[1:], dtype=self.compute_dtype)]
        if student_shape[1:-1] != teacher_shape[1:-1]:
            layers.append(inferred)
        # Over the last axis, these are the 1x1 convolutions.
        layers += [
            keras.layers.Dense(
                teacher_shape[-1],
                activation=activation,
                use_bias=False,
                dtype=self.compute_dtype,
            )
            for activation in ("relu", "relu", None)
        ]
        return keras.Sequential(layers, name="projector")

    @property
    def variance(self) -> Tensor:
        """The variance of each of the teacher's channels, `(channels,)`."""
        return ops.softplus(self.raw_variance) + SMALLEST_VARIANCE

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        teacher, mean = self.project(teacher, student)
        return negative_log_likelihood(teacher, mean, self.variance)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "initial_variance": self.initial_variance
        }
