"""Soft targets of independent yes-or-no outputs."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import TEMPERATURE
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.divergence import divergence
from keras_kd.losses.shapes import check_same_classes


def binary_soft_target_divergence(teacher, student, temperature):
    """Mean Kullback-Leibler divergence of softened yes-or-no distributions.

    Args:
        teacher: Teacher logits, shape `(..., labels)`.
        student: Student logits, same shape.
        temperature: Scalar > 0 that divides both logits.

    Returns:
        Divergence in nats, averaged over the labels, shape `(...)`.
    """
    yes, no = (
        lambda x: ops.log_sigmoid(x / temperature),
        lambda x: ops.log_sigmoid(-x / temperature),
    )
    return ops.mean(
        sum(divergence(f(teacher), f(student)) for f in (yes, no)),
        axis=-1,
    )


@keras.saving.register_keras_serializable("keras_kd")
class BinarySoftTargets(DistillationLoss):
    """Soft targets for sigmoid outputs: one unit, or many labels.

    Every output is a yes-or-no question of its own. The loss of one example
    is the mean over its outputs of

    ```
    temperature**2 * KL(Bernoulli(sigmoid(teacher / temperature))
                        || Bernoulli(sigmoid(student / temperature)))
    ```

    For one unit, this equals `SoftTargets` over the two logits `(x, 0)`. It
    goes with `keras.losses.BinaryCrossentropy(from_logits=True)`, which
    averages over the labels too.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 2, applied to two classes.

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `4.0`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., labels)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.

    Returns:
        One value per example or position in nats, `(batch, ...)`.

    Raises:
        ValueError: If `temperature` is out of range, or the two logits differ
            in shape.

    Example:
    >>> loss = keras_kd.losses.BinarySoftTargets(temperature=2.0)
    >>> value = loss(np.array([[4.0]]), np.array([[0.0]]))
    >>> round(float(value[0]), 4)
    1.3113
    """

    expects_logits = True
    output_activation = "sigmoid"
    accepts_members = True
    accepts_minus_infinity = True

    def __init__(self, temperature: float = 4.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.temperature = self.add_hyperparameter(
            "temperature", temperature, "what divides the logits", TEMPERATURE
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_same_classes(self, teacher_shape, student_shape)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        teacher = ops.stop_gradient(teacher)
        scale = ops.square(self.temperature)
        return scale * binary_soft_target_divergence(
            teacher, student, self.temperature
        )
