"""Reverse divergence of soft targets (Gu et al., 2024)."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.divergence_of_logits import divergence_of_logits
from keras_kd.losses.softened_loss import SoftenedLoss


@keras.saving.register_keras_serializable("keras_kd")
class ReverseSoftTargets(SoftenedLoss):
    """Holds the student to what its teacher finds likely (RKL).

    The divergence of `SoftTargets`, with both models in each other's place:

    ```
    temperature**2 * KL(softmax(student / temperature)
                        || softmax(teacher / temperature))
    ```

    A student that is too small for all that its teacher finds likely learns
    one part of it well, where `SoftTargets` spreads it over all parts, and over
    what lies between: the choice for language models. At the papers'
    temperature of 1 there is no factor.

    Reference: [Gu et al., 2024](https://arxiv.org/abs/2306.08543), who add it
    up over all words of each single step, as here, and sample what follows.

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `1.0`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.

    Returns:
        One value per example or position in nats, `(batch, ...)`.

    Raises:
        ValueError: If `temperature` is out of range, the two logits differ in
            shape, or there is one class only.

    Example:
    >>> loss = keras_kd.losses.ReverseSoftTargets()
    >>> value = loss(np.log([[0.75, 0.25]]), np.log([[0.5, 0.5]]))
    >>> round(float(value[0]), 4)  # .5 ln(2/3) + .5 ln 2
    0.1438
    """

    # A student's probability there would cost without limit.
    accepts_minus_infinity = False

    def __init__(self, temperature: float = 1.0, **kwargs: Any):
        super().__init__(temperature, **kwargs)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        return self.scale(
            divergence_of_logits(
                student,
                ops.stop_gradient(teacher),
                self.temperature,
                by_first=True,
            )
        )
