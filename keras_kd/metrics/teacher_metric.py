"""Base classes of the metrics that compare a student with its teacher."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core import resizing
from keras_kd._core.kinds import check_flag
from keras_kd._types import Tensor
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
        resize: Which side to interpolate to the positions of the other, where
            one has another resolution or length; see `DistillationLoss`.
            Defaults to `None`, equal positions.
        dtype: Type of the state. Defaults to `"float32"` whatever the global
            policy, since half precision cannot count to 3000.

    Call arguments:
        teacher: Teacher logits, `(batch, ..., classes)`, or the members' form.
        student: Student logits, same shape.
        sample_weight: Weights, `(batch,)` or with further axes, or `None`.
        masks: Boolean tensors likewise, of what else counts. Defaults to none.

    Raises:
        ValueError: If the two outputs differ in shape, or `resize` names no
            side or outputs without positions.
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
        resize: str | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if not (output is None or isinstance(output, str)):
            raise TypeError(
                "`output` must be the name of an output, or None for the only "
                f"one. Received: output={output!r}."
            )
        resizing.check_side(resize)
        self.output = output
        self.resize = resize
        self.add_state()

    def add_state(self) -> None:
        """Makes the variables that `accumulate` adds to."""
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
        if self.resize is not None:
            resized = resizing.Resized(
                self.resize, teacher, student, self._align
            )
            teacher, student = resized.teacher, resized.student
            first, *of_labels, last = masks
            masks = [
                resized.mask(first),
                *map(resized.labels, of_labels),
                resized.mask(last),
            ]
            sample_weight = resized.weights(sample_weight)
        masks = [mask for mask in masks if mask is not None]
        check_same_classes(self, teacher.shape, student.shape)
        student = ops.cast(student, self.dtype)
        self.accumulate(teacher, student, sample_weight, masks)

    def _align(self, teacher, student):
        return resizing.align(self, teacher, student, self.dtype)

    def accumulate(
        self,
        teacher: Tensor,
        student: Tensor,
        sample_weight: Tensor | None,
        masks: Sequence[Tensor],
    ) -> None:
        """Adds a batch of logits of one shape to the state."""
        values = ops.cast(self.compare(teacher, student), self.dtype)
        mask = reduction.combine_masks(values, *masks) if masks else None
        values, weights = weigh(values, sample_weight, mask)
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(ops.sum(weights))

    def result(self) -> Tensor:
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self) -> dict[str, Any]:
        config = {"output": self.output, "resize": self.resize}
        return super().get_config() | config


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
