"""Overlap of the student's segmentation with its teacher's."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_kd._core import reduction
from keras_kd._core.arguments import check_count
from keras_kd._types import Tensor
from keras_kd.metrics.teacher_metric import TeacherMetric
from keras_kd.metrics.teacher_metric import weigh


@keras.saving.register_keras_serializable("keras_kd")
class TeacherMeanIoU(TeacherMetric):
    """Mean intersection over union of the student's and the teacher's classes.

    Of each class, the positions that both give to it, divided by those that
    either does, over all batches; and the mean over the classes that either
    gives to any position. The first of tied classes is meant. One sigmoid unit
    `z` is read as the two logits `(0, z)`.

    `keras.metrics.MeanIoU(num_classes, sparse_y_pred=False)` is the same
    against the labels.

    Args:
        num_classes: Integer >= 2, the number of classes.
        name: Key in the logs. Defaults to `"teacher_mean_iou"`.
        **kwargs: See `TeacherMetric`.

    Raises:
        ValueError: If `num_classes` is below 2, or not that of the logits.

    Example:

    Both give the first position to class 0, and one the second to it: 1/2 for
    class 0, 0 for class 1.

    >>> metric = keras_kd.metrics.TeacherMeanIoU(num_classes=2)
    >>> metric.update_state(
    ...     [[[3.0, 1.0], [3.0, 1.0]]], [[[2.0, 0.0], [0.0, 2.0]]]
    ... )
    >>> float(metric.result())
    0.25
    """

    higher_is_better = True

    def __init__(
        self,
        num_classes: int,
        name: str | None = "teacher_mean_iou",
        **kwargs: Any,
    ):
        check_count("num_classes", num_classes, "the classes", 2)
        self.num_classes = num_classes
        super().__init__(name, **kwargs)

    def add_state(self) -> None:
        self.intersection, self.union = (
            self.add_variable(
                (self.num_classes,), "zeros", self.dtype, name=name
            )
            for name in ("intersection", "union")
        )

    def accumulate(
        self,
        teacher: Tensor,
        student: Tensor,
        sample_weight: Tensor | None,
        masks: Sequence[Tensor],
    ) -> None:
        theirs, ours = self._chosen(teacher), self._chosen(student)
        mask = reduction.combine_masks(theirs[..., 0], *masks)
        for state, values in (
            (self.intersection, theirs * ours),
            (self.union, ops.maximum(theirs, ours)),
        ):
            values, _ = weigh(values, sample_weight, mask)
            axes = tuple(range(len(values.shape) - 1))
            state.assign_add(ops.sum(values, axis=axes))

    def _chosen(self, logits):
        """Ones at the classes with the highest logits, and zeros."""
        if logits.shape[-1] == 1:
            logits = ops.concatenate([ops.zeros_like(logits), logits], axis=-1)
        if logits.shape[-1] != self.num_classes:
            raise ValueError(
                "`num_classes` must be the number of classes in the logits, "
                "since each has an overlap of its own. Received: num_classes="
                f"{self.num_classes} for {logits.shape[-1]} classes. Write "
                f"num_classes={logits.shape[-1]}."
            )
        chosen = ops.argmax(logits, axis=-1)
        return ops.one_hot(chosen, self.num_classes, dtype=self.dtype)

    def result(self) -> Tensor:
        overlaps = ops.divide_no_nan(self.intersection, self.union)
        is_given = ops.cast(self.union > 0, self.dtype)
        return ops.divide_no_nan(ops.sum(overlaps), ops.sum(is_given))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_classes": self.num_classes}
