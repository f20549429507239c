"""Base classes of the losses that compare softened probabilities."""

from typing import Any

from keras import ops

from keras_kd._core import reduction
from keras_kd._core.arguments import TEMPERATURE
from keras_kd._core.kinds import check_flag
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.shapes import check_same_classes
from keras_kd.losses.shapes import check_several_classes


class SoftenedLoss(DistillationLoss):
    """Compares the softmax of logits, divided by a temperature.

    Args:
        temperature: Float from 0.001 to 1e6, a variable.
        **kwargs: See `DistillationLoss`.

    Raises:
        ValueError: If `temperature` is out of range; when it is built, if the
            two logits differ in shape, or there is one class only.
    """

    expects_logits = True
    output_activation = "softmax"
    accepts_members = True
    accepts_minus_infinity = True

    def __init__(self, temperature: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.temperature = self.add_hyperparameter(
            "temperature", temperature, "what divides the logits", TEMPERATURE
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_same_classes(self, teacher_shape, student_shape)
        check_several_classes(self, student_shape)

    def log_probabilities(self, *logits: Tensor) -> list[Tensor]:
        """Logarithms of the softened probabilities of logits."""
        return [
            # From logits, since a softmax loses every probability below 1e-38.
            ops.log_softmax(one / self.temperature, axis=-1)
            for one in logits
        ]

    def scale(self, values: Tensor) -> Tensor:
        """Values times the square of the temperature.

        That keeps the size of the gradient steady when the temperature changes.
        """
        return ops.square(self.temperature) * values


class StandardizableLoss(SoftenedLoss):
    """Compares softened probabilities of logits or of standardised logits.

    Args:
        temperature: See `SoftenedLoss`.
        standardize_logits: See `SoftTargets`.
        **kwargs: See `DistillationLoss`.

    Raises:
        TypeError: If `standardize_logits` is not a bool.
    """

    def __init__(
        self, temperature: float, *, standardize_logits: bool, **kwargs: Any
    ):
        super().__init__(temperature, **kwargs)
        check_flag(
            "standardize_logits",
            standardize_logits,
            "whether logits are compared without their mean and scale",
        )
        self.standardize_logits = bool(standardize_logits)
        if self.standardize_logits:
            # A row with -inf has no mean.
            self.accepts_minus_infinity = False
            # The temperature divides what is not the members' logits.
            self.averages_at_one = True

    def prepared(self, *logits: Tensor) -> list[Tensor]:
        """Logits as they are divided by the temperature."""
        if not self.standardize_logits:
            return list(logits)
        return [standardized(one) for one in logits]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "standardize_logits": self.standardize_logits
        }


def standardized(logits):
    """Logits of mean 0 and standard deviation 1 in each row.

    Sun et al. (2024) divide by 1e-7 and the deviation with `classes - 1` in its
    denominator. A row of equal logits has no scale: it becomes 0, without a
    gradient, which would be as large as 1e7.

    Args:
        logits: `(..., classes)`, of at least two classes.

    Returns:
        The same shape. A change of `logits` to `a * logits + b` with a > 0
        makes no difference.
    """
    # Equal logits differ from their highest by exactly 0, and not always from
    # their mean.
    highest = reduction.highest(logits)
    logits = logits - ops.stop_gradient(highest)
    centred = logits - ops.mean(logits, axis=-1, keepdims=True)
    square = ops.sum(ops.square(centred), axis=-1, keepdims=True)
    is_flat = square == 0
    # The root has no gradient at 0, not even where another branch is taken.
    square = ops.where(is_flat, 1.0, square)
    deviation = ops.sqrt(square / (logits.shape[-1] - 1))
    return ops.where(is_flat, 0.0, centred / (1e-7 + deviation))
