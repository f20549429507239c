"""Metrics: how near the student is to its teacher."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_temperature
from keras_kd._core.kinds import check_flag
from keras_kd._types import Tensor
from keras_kd.losses.binary_soft_targets import binary_soft_target_divergence
from keras_kd.losses.divergence_of_logits import divergence_of_logits
from keras_kd.losses.shapes import check_same_classes


def direction(metrics, monitor):
    """Which way a key of a Distiller's logs is better.

    Args:
        metrics: What the Distiller has as `metrics`.
        monitor: The key, with or without `val_`.

    Returns:
        `"min"`, `"max"`, or `None` if it is no loss and no metric of ours.
    """
    for metric in metrics:
        if metric.name == monitor.removeprefix("val_"):
            is_score = isinstance(metric, TeacherMetric)
            return "max" if is_score and metric.higher_is_better else "min"
    return None


class TeacherMetric(keras.metrics.Metric):
    """Base class of the metrics that compare the student with its teacher.

    Given to `Distiller.compile(metrics=...)`, such a metric gets the teacher's
    output in place of labels. Alone, it is a Keras metric like any.

    A subclass implements `compare(teacher, student)`. The result is the mean
    of its values over examples, or over all positions of sequences, weighted
    by `sample_weight`; what a Keras mask of either hides is left out.

    Args:
        name: Key in the logs.
        output: Name of the output to compare, where the models have several.
            Defaults to `None`, for models with one.
        dtype: Type of the state. Defaults to `"float32"` whatever the global
            policy, since half precision cannot count to 3000.

    Call arguments:
        teacher: Teacher logits, `(batch, ..., classes)`, or the members' form.
        student: Student logits, same shape.
        sample_weight: Weights, `(batch,)` or with further axes, or `None`.
        masks: Boolean tensors likewise, of what else counts. Defaults to none.

    Raises:
        ValueError: If the two outputs differ in shape.
    """

    # Whether a checkpoint should keep the student with the highest value.
    higher_is_better = False
    temperature = 1.0  # At which an ensemble's members are averaged.
    is_multi_label = False  # Whether each output is a question of its own.

    def __init__(
        self,
        name: str | None = None,
        output: str | None = None,
        dtype: str = "float32",
    ):
        super().__init__(name=name, dtype=dtype)
        if not (output is None or isinstance(output, str)):
            raise TypeError(
                "`output` must be the name of an output, or None for the only "
                f"one. Received: output={output!r}."
            )
        self.output = output
        self.total = self.add_variable((), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def compare(self, teacher: Tensor, student: Tensor) -> Tensor:
        """Returns one value per example or position, `(batch, ...)`."""
        raise NotImplementedError(
            f"{type(self).__name__} must implement `compare(teacher, student)`."
        )

    def update_state(
        self,
        teacher: Tensor,
        student: Tensor,
        sample_weight: Tensor | None = None,
        masks: Sequence[Tensor] = (),
    ) -> None:
        student = ops.convert_to_tensor(student)
        if isinstance(teacher, dict):
            teacher_mask = ensemble_logits.read_mask(teacher)
            teacher = ensemble_logits.as_logits(
                teacher, self.temperature, self.dtype, self.is_multi_label
            )
        else:
            teacher = ops.convert_to_tensor(teacher)
            teacher_mask = reduction.read_mask(teacher)
            teacher = ops.cast(teacher, self.dtype)
        masks = [teacher_mask, *masks, reduction.read_mask(student)]
        masks = [mask for mask in masks if mask is not None]
        check_same_classes(self, teacher.shape, student.shape)
        values = self.compare(teacher, ops.cast(student, self.dtype))
        values = ops.cast(values, self.dtype)
        mask = reduction.combine_masks(values, *masks) if masks else None
        values, weights = weigh(values, sample_weight, mask)
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(ops.sum(weights))

    def result(self) -> Tensor:
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"output": self.output}


class ClassMetric(TeacherMetric):
    """Base class of the metrics for outputs of classes or of labels.

    The numbers of an output are scores of classes, of which one is right and
    which a softmax compares, or of labels, each with a sigmoid of its own.

    Args:
        name: Key in the logs.
        multi_label: Whether they are of labels. `None`, the default, leaves it
            to the Distiller, which decides by its losses; alone, it means
            classes. One unit is always one label.
        **kwargs: See `TeacherMetric`.
    """

    def __init__(self, name=None, multi_label=None, **kwargs):
        super().__init__(name, **kwargs)
        if multi_label is not None:
            check_flag("multi_label", multi_label, "what one output is")
        self.multi_label = multi_label
        self._is_multi_label = bool(multi_label)

    @property
    def is_multi_label(self) -> bool:
        """Whether the outputs are of labels, as given or as decided."""
        return self._is_multi_label

    def decide(self, is_multi_label: bool) -> None:
        """Sets the kind of the outputs if `multi_label` is `None`."""
        if self.multi_label is None:
            self._is_multi_label = is_multi_label

    def get_config(self):
        return super().get_config() | {"multi_label": self.multi_label}


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


def weigh(values, sample_weight, mask):
    """Returns the values times their weights, and the weights; 0 if masked."""
    weights = ops.ones_like(values)
    if sample_weight is not None:
        sample_weight = ops.cast(sample_weight, values.dtype)
        weights *= reduction.broadcast_like(sample_weight, values, ops.mean)
    if mask is not None:
        mask = reduction.broadcast_like(mask, values, ops.any)
        weights *= ops.cast(mask, values.dtype)
    # Not a product alone: what does not count may be nan.
    return ops.where(weights == 0, 0, values * weights), weights
