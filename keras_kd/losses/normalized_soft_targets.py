"""Normalised knowledge distillation (Yang et al., 2023)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import WEIGHT
from keras_kd._types import Tensor
from keras_kd.losses.labels import class_of
from keras_kd.losses.softened_loss import SoftenedLoss
from keras_kd.losses.target_split import split


@keras.saving.register_keras_serializable("keras_kd")
class NormalizedSoftTargets(SoftenedLoss):
    """Teaches the label's class and, normalised to 1, the others (NKD).

    The loss of one example, with `p` and `q` for the probabilities that teacher
    and student give to the label's class at a temperature of 1, is

    ```
    -p * log(q) - non_target_weight * temperature**2
                  * sum(other classes of the teacher
                        * log(those of the student))
    ```

    where the other classes, softened by the temperature, sum to 1 without that
    of the label. The temperature does not touch the first term. These are
    cross-entropies: at a student that equals its teacher, the value is not 0,
    and the first term pulls `q` up to 1.

    Examples without a label leave this loss, as they leave that of `compile`.

    Reference: [Yang et al., 2023](https://arxiv.org/abs/2303.13005).

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Members of an
            ensemble are averaged at 1. Defaults to `1.0`.
        non_target_weight: Float >= 0, a variable; gamma in the paper. Defaults
            to `1.5`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.
        labels: See `DecoupledSoftTargets`.

    Returns:
        One value per example or position in nats, `(batch, ...)`: 0 without a
        label.

    Raises:
        ValueError: If a number is out of range, the two logits or the labels
            differ in shape, or there is one class only.

    Example:
    >>> loss = keras_kd.losses.NormalizedSoftTargets(non_target_weight=2.0)
    >>> teacher = np.log([[0.5, 0.25, 0.25]])
    >>> value = loss(teacher, teacher, labels=np.array([0]))
    >>> round(float(value[0]), 4)  # (.5 + 2) ln 2
    1.7329
    """

    needs = ("labels",)
    averages_at_one = True

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        non_target_weight: float = 1.5,
        **kwargs: Any,
    ):
        super().__init__(temperature, **kwargs)
        self.non_target_weight = self.add_hyperparameter(
            "non_target_weight",
            non_target_weight,
            "the factor on the other classes",
            WEIGHT,
        )

    def call(self, teacher: Tensor, student: Tensor, labels: Tensor) -> Tensor:
        index, has_label = class_of(labels, student, self.student_tap)
        teacher = ops.stop_gradient(teacher)
        target = -ops.exp(split(teacher, index).target) * (
            split(student, index).target
        )
        theirs, ours = (
            split(logits / self.temperature, index).others
            for logits in (teacher, student)
        )
        others = self.scale(-ops.sum(ops.exp(theirs) * ours, axis=-1))
        return ops.where(
            has_label, target + self.non_target_weight * others, 0.0
        )
