"""Metrics: how often the student agrees with its teacher, and how nearly."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_temperature
from keras_kd._types import Tensor
from keras_kd.losses.binary_soft_targets import binary_soft_target_divergence
from keras_kd.losses.divergence_of_logits import divergence_of_logits
from keras_kd.metrics.teacher_metric import ClassMetric


@keras.saving.register_keras_serializable("keras_kd")
class TeacherAgreement(ClassMetric):
    """Fraction of examples on which the student agrees with its teacher.

    The fraction of examples whose highest teacher logit is among the `k`
    highest student logits. Ties of the student count in favour; of the
    teacher's tied classes, the first is meant. Nan agrees with nothing.

    Of many labels, or one sigmoid unit, each is a choice between `(x, 0)`, and
    agrees where the signs do; the result is the mean over examples and labels.

    Args:
        k: Integer >= 1, how many choices the student has. Defaults to `1`.
        name: Key in the logs. Defaults to `"teacher_agreement"`, for other
            `k` to `"top_{k}_teacher_agreement"`.
        multi_label: Whether the outputs are many labels and not classes.
            Defaults to `None`: a Distiller decides by its losses; alone, no.
        **kwargs: See `TeacherMetric`.

    Raises:
        ValueError: If `k` is below 1 or above the number of classes, or above
            1 for labels.

    Example:

    >>> metric = keras_kd.metrics.TeacherAgreement()
    >>> metric.update_state([[3.0, 1.0], [0.0, 1.0]], [[2.0, 0.0], [2.0, 0.0]])
    >>> float(metric.result())
    0.5
    """

    higher_is_better = True

    def __init__(self, k: int = 1, name: str | None = None, **kwargs: Any):
        check_count("k", k, "the student's choices")
        prefix = "" if k == 1 else f"top_{k}_"
        super().__init__(name or f"{prefix}teacher_agreement", **kwargs)
        self.k = k
        self._check_choices(self.is_multi_label)

    def decide(self, is_multi_label: bool) -> None:
        super().decide(is_multi_label)
        self._check_choices(self.is_multi_label)

    def _check_choices(self, are_labels):
        if are_labels and self.k > 1:
            raise ValueError(
                "`k` must be 1 for outputs that are labels, since each is a "
                f"choice of two. Received: k={self.k}."
            )

    def compare(self, teacher: Tensor, student: Tensor) -> Tensor:
        classes = student.shape[-1]
        if self.is_multi_label or classes == 1:
            self._check_choices(True)
            both_yes = (teacher >= 0) & (student >= 0)
            both_no = (teacher < 0) & (student <= 0)
            return ops.mean(ops.cast(both_yes | both_no, self.dtype), axis=-1)
        if classes is not None and self.k > classes:
            raise ValueError(
                "`k` must be at most the number of classes, since all agree "
                f"beyond. Received: k={self.k} for {classes} classes."
            )
        choice = ops.expand_dims(ops.argmax(teacher, axis=-1), axis=-1)
        score = ops.take_along_axis(student, choice, axis=-1)
        # Not `student > score`, which no nan is.
        higher = ops.logical_not(student <= score)
        return ops.sum(ops.cast(higher, "int32"), axis=-1) < self.k

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"k": self.k}


@keras.saving.register_keras_serializable("keras_kd")
class TeacherDivergence(ClassMetric):
    """Mean divergence of the student's probabilities from the teacher's.

    The mean of `KL(softmax(teacher / temperature) || softmax(student /
    temperature))` in nats, without the factor `temperature**2` of
    `losses.SoftTargets`. One sigmoid unit is read as the two logits `(x, 0)`,
    and so is each of many labels, over which it is the mean.

    Args:
        temperature: Number > 0 that divides both logits. Defaults to `1.0`.
        name: Key in the logs. Defaults to `"teacher_divergence"`.
        multi_label: See `TeacherAgreement`.
        **kwargs: See `TeacherMetric`.

    Raises:
        ValueError: If `temperature` is not a positive number.

    Example:

    >>> metric = keras_kd.metrics.TeacherDivergence()
    >>> metric.update_state([[np.log(3.0), 0.0]], [[0.0, 0.0]])
    >>> round(float(metric.result()), 4)  # 3/4 log(3/2) + 1/4 log(1/2)
    0.1308
    """

    def __init__(
        self,
        temperature: float = 1.0,
        name: str | None = "teacher_divergence",
        **kwargs: Any,
    ):
        check_temperature(temperature)
        super().__init__(name, **kwargs)
        self.temperature = float(temperature)

    def compare(self, teacher: Tensor, student: Tensor) -> Tensor:
        divergence = divergence_of_logits
        if self.is_multi_label or student.shape[-1] == 1:
            divergence = binary_soft_target_divergence
        return divergence(teacher, student, self.temperature)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"temperature": self.temperature}
