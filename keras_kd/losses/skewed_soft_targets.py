"""Skewed divergences (Ko et al., 2024)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.kinds import check_flag
from keras_kd._types import Tensor
from keras_kd.losses.mixtures import SHARE
from keras_kd.losses.mixtures import divergence_from_mixture
from keras_kd.losses.softened_loss import SoftenedLoss


@keras.saving.register_keras_serializable("keras_kd")
class SkewedSoftTargets(SoftenedLoss):
    """Compares one model with a mixture of both (SKL).

    With `p` and `q` for the softened probabilities of teacher and student, the
    loss of one example is

    ```
    temperature**2 * KL(p || skew * p + (1 - skew) * q)
    temperature**2 * KL(q || skew * q + (1 - skew) * p)  # if reverse
    ```

    A class that one model finds likely and the other does not costs no more
    than `-log(skew)`, and its gradient stays small, where those of
    `SoftTargets` and `ReverseSoftTargets`, the cases of no skew, grow.

    Reference: [Ko et al., 2024](https://arxiv.org/abs/2402.03898), at a
    temperature of 1.

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `1.0`.
        skew: Float from 0.001 to 0.999, a variable; alpha in the paper. A value
            near 1 leaves little of the loss. Defaults to `0.1`.
        reverse: Whether the student is compared with the mixture (SRKL).
            Defaults to `False`: the teacher.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.

    Returns:
        One value per example or position in nats, `(batch, ...)`.

    Raises:
        TypeError: If `reverse` is not a bool.
        ValueError: If a number is out of range, the two logits differ in shape,
            or there is one class only.

    Example:
    >>> loss = keras_kd.losses.SkewedSoftTargets(skew=0.1)
    >>> value = loss(np.array([[50.0, 0.0]]), np.array([[0.0, 50.0]]))
    >>> round(float(value[0]), 4)  # ln 10, where nothing is shared
    2.3026
    """

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        skew: float = 0.1,
        reverse: bool = False,
        **kwargs: Any,
    ):
        super().__init__(temperature, **kwargs)
        check_flag("reverse", reverse, "which model meets the mixture")
        self.reverse = bool(reverse)
        self.skew = self.add_hyperparameter(
            "skew", skew, "a part of a mixture of both models", SHARE
        )

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        logs = self.log_probabilities(ops.stop_gradient(teacher), student)
        if self.reverse:
            logs.reverse()
        return self.scale(divergence_from_mixture(*logs, self.skew))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"reverse": self.reverse}
