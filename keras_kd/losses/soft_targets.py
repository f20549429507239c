"""Soft targets (Hinton, Vinyals and Dean, 2015)."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.divergence_of_logits import divergence_of_logits
from keras_kd.losses.divergence_of_top_logits import divergence_of_top_logits
from keras_kd.losses.softened_loss import StandardizableLoss


@keras.saving.register_keras_serializable("keras_kd")
class SoftTargets(StandardizableLoss):
    """Matches the softened probabilities of both models (KD).

    Dividing the logits by a temperature above 1 shows the student how the
    teacher ranks the *wrong* classes. The loss of one example is

    ```
    temperature**2 * KL(softmax(teacher / temperature)
                        || softmax(student / temperature))
    ```

    The factor `temperature**2` keeps the size of the gradient steady when the
    temperature changes, so `loss_weight` need not be tuned again.

    With `standardize_logits` (LS), each row of logits of either model first
    loses its mean and is divided by its standard deviation over the classes, so
    that a small student need not reach the size of the teacher's logits. The
    published settings are a temperature of 2 and `loss_weight=9`, with 0.1 on
    the labels. Members of an ensemble are then averaged at a temperature of 1.

    Where logits of a vocabulary take too much memory, `ChunkedSoftTargets` does
    without.

    References: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 2; standardised logits: [Sun et al., 2024](
    https://arxiv.org/abs/2403.01427).

    Args:
        temperature: Float from 0.001 to 1e6. At 1 this is cross-entropy with
            the teacher's probabilities, up to a constant; as it grows, it
            tends to matching the logits, each centred per example. A variable,
            so that a callback can anneal it. Defaults to `4.0`.
        standardize_logits: Whether to compare standardised logits. A row of
            equal logits becomes zeros, without gradient. Defaults to `False`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.

    Returns:
        One value per example or position in nats, `(batch, ...)`.

    Raises:
        TypeError: If `standardize_logits` is not a bool.
        ValueError: If `temperature` is out of range, the two logits differ in
            shape, or there is one class only.

    Example:
    >>> loss = keras_kd.losses.SoftTargets(temperature=2.0)
    >>> value = loss(np.array([[4.0, 0.0]]), np.array([[0.0, 0.0]]))
    >>> round(float(value[0]), 4)
    1.3113
    """

    def __init__(
        self,
        temperature: float = 4.0,
        *,
        standardize_logits: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            temperature, standardize_logits=standardize_logits, **kwargs
        )
        # Logits that are not known have no mean; a `call` that overrides this
        # one expects all of them.
        self.accepts_top_logits = (
            not self.standardize_logits and type(self).call is SoftTargets.call
        )

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        if isinstance(teacher, dict):
            # Of the forms with several tensors, only the top logits get here.
            return self.scale(
                divergence_of_top_logits(teacher, student, self.temperature)
            )
        teacher, student = self.prepared(ops.stop_gradient(teacher), student)
        return self.scale(
            divergence_of_logits(teacher, student, self.temperature)
        )
