"""Metrics: how near the student is to its teacher, and how calibrated."""

import keras
import numpy as np
from keras import ops

from keras_kd import forms
from keras_kd import reduction
from keras_kd.arguments import TEMPERATURE
from keras_kd.arguments import check_count
from keras_kd.arguments import check_within
from keras_kd.losses.binary_soft_targets import binary_soft_target_divergence
from keras_kd.losses.shapes import check_same_classes
from keras_kd.losses.shapes import shapes_agree
from keras_kd.losses.soft_targets import soft_target_divergence


class TeacherMetric(keras.metrics.Metric):
    """Base class of the metrics that compare the student with its teacher.

    Given to `Distiller.compile(metrics=...)`, such a metric is fed the
    teacher's output in place of labels. Alone, it is a Keras metric like any.

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
        teacher: Teacher logits, `(batch, ..., classes)`, or members': `forms`.
        student: Student logits, same shape.
        sample_weight: Weights, `(batch,)` or with further axes, or `None`.
        masks: Boolean tensors likewise, of what else counts. Defaults to none.

    Raises:
        ValueError: If the two outputs differ in shape.
    """

    # Whether a checkpoint should keep the student with the highest value.
    higher_is_better = False
    temperature = 1.0  # At which an ensemble's members are averaged.

    def __init__(self, name=None, output=None, dtype="float32"):
        super().__init__(name=name, dtype=dtype)
        self.output = output
        self.total = self.add_variable((), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def compare(self, teacher, student):
        """Returns one value per example or position, `(batch, ...)`."""
        raise NotImplementedError(
            f"{type(self).__name__} must implement `compare(teacher, student)`."
        )

    def update_state(self, teacher, student, sample_weight=None, masks=()):
        teacher = (
            keras.tree.map_structure(
                ops.convert_to_tensor,
                teacher,
            )
            if forms.is_members(teacher)
            else ops.convert_to_tensor(teacher)
        )
        masks = [forms.read_mask(teacher), *masks]
        teacher = forms.as_logits(teacher, self.temperature, self.dtype)
        student = ops.convert_to_tensor(student)
        check_same_classes(self, teacher.shape, student.shape)
        masks.append(reduction.read_mask(student))
        values = self.compare(teacher, ops.cast(student, self.dtype))
        values = ops.cast(values, self.dtype)
        mask = reduction.all_true(values, *masks)
        values, weights = _weigh(values, sample_weight, mask)
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(ops.sum(weights))

    def result(self):
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self):
        return super().get_config() | {"output": self.output}


@keras.saving.register_keras_serializable("keras_kd")
class TeacherAgreement(TeacherMetric):
    """How often the student chooses as its teacher does.

    The fraction of examples whose highest teacher logit is among the `k`
    highest student logits. Ties of the student count in favour; of the
    teacher's tied classes, the first is meant. One sigmoid unit is read as the
    two logits `(x, 0)`: it agrees where the signs do. Nan agrees with nothing.

    Args:
        k: Integer >= 1, how many choices the student has. Defaults to `1`.
        name: Key in the logs. Defaults to `"teacher_agreement"`, for other
            `k` to `"top_{k}_teacher_agreement"`.
        **kwargs: See `TeacherMetric`.

    Raises:
        ValueError: If `k` is below 1 or above the number of classes.

    Example:

    >>> metric = keras_kd.metrics.TeacherAgreement()
    >>> metric.update_state([[3.0, 1.0], [0.0, 1.0]], [[2.0, 0.0], [2.0, 0.0]])
    >>> float(metric.result())
    0.5
    """

    higher_is_better = True

    def __init__(self, k=1, name=None, **kwargs):
        check_count("k", k, "the student's choices")
        prefix = "" if k == 1 else f"top_{k}_"
        super().__init__(name or f"{prefix}teacher_agreement", **kwargs)
        self.k = k

    def compare(self, teacher, student):
        if student.shape[-1] == 1:
            zero = ops.zeros_like(student)
            teacher = ops.concatenate([teacher, zero], axis=-1)
            student = ops.concatenate([student, zero], axis=-1)
        classes = student.shape[-1]
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

    def get_config(self):
        return super().get_config() | {"k": self.k}


@keras.saving.register_keras_serializable("keras_kd")
class TeacherDivergence(TeacherMetric):
    """How far the student's probabilities are from the teacher's.

    The mean of `KL(softmax(teacher / temperature) || softmax(student /
    temperature))` in nats, without the factor `temperature**2` of
    `losses.SoftTargets`. One sigmoid unit is read as the two logits `(x, 0)`.

    Args:
        temperature: Number > 0 that divides both logits. Defaults to `1.0`.
        name: Key in the logs. Defaults to `"teacher_divergence"`.
        **kwargs: See `TeacherMetric`.

    Raises:
        ValueError: If `temperature` is not a positive number.

    Example:

    >>> metric = keras_kd.metrics.TeacherDivergence()
    >>> metric.update_state([[np.log(3.0), 0.0]], [[0.0, 0.0]])
    >>> round(float(metric.result()), 4)  # 3/4 log(3/2) + 1/4 log(1/2)
    0.1308
    """

    def __init__(self, temperature=1.0, name="teacher_divergence", **kwargs):
        check_within(
            "temperature", temperature, TEMPERATURE, "what divides the logits"
        )
        super().__init__(name, **kwargs)
        self.temperature = float(temperature)

    def compare(self, teacher, student):
        divergence = soft_target_divergence
        if student.shape[-1] == 1:
            divergence = binary_soft_target_divergence
        return divergence(teacher, student, self.temperature)

    def get_config(self):
        return super().get_config() | {"temperature": self.temperature}


@keras.saving.register_keras_serializable("keras_kd")
class ExpectedCalibrationError(keras.metrics.Metric):
    """How far the confidence of predictions is from their accuracy.

    Predictions are sorted by confidence, their highest probability, into bins
    of equal width, `(i / num_bins, (i + 1) / num_bins]`. The result is the
    mean over predictions of `abs(accuracy of the bin - mean confidence of the
    bin)`. It needs some hundred predictions: few in a bin make it seem large.

    A confidence is compared with the edges exactly: what float32 stores for .6
    is above 9 / 15, and counts so.

    Reference: [Guo et al., 2017](https://arxiv.org/abs/1706.04599), section 2.

    Args:
        num_bins: Integer >= 1. Defaults to `15`.
        from_logits: Whether the scores are logits. Defaults to `False`.
        name: Key in the logs. Defaults to `"expected_calibration_error"`.
        dtype: See `TeacherMetric`.

    Call arguments:
        labels: Class numbers `(batch, ...)`, or one-hot.
        scores: `(batch, ..., classes)`; from one sigmoid unit, that of class 1.
        sample_weight: See `TeacherMetric`.

    Raises:
        ValueError: If `num_bins` is not a positive integer, or the labels do
            not fit the scores.

    Example:

    >>> metric = keras_kd.metrics.ExpectedCalibrationError()
    >>> metric.update_state([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    >>> float(metric.result())
    0.25
    """

    def __init__(
        self,
        num_bins=15,
        from_logits=False,
        name="expected_calibration_error",
        dtype="float32",
    ):
        super().__init__(name=name, dtype=dtype)
        check_count("num_bins", num_bins, "bins")
        self.num_bins = num_bins
        self.from_logits = bool(from_logits)
        # Weights, correct predictions and confidences, summed in each bin.
        shape = (num_bins, 3)
        self.sums = self.add_variable(shape, "zeros", self.dtype, name="sums")

    def update_state(self, labels, scores, sample_weight=None):
        scores = ops.convert_to_tensor(scores)
        mask = reduction.read_mask(scores)
        probabilities = self._probabilities(scores)
        confidence = ops.max(probabilities, axis=-1)
        choice = ops.cast(ops.argmax(probabilities, axis=-1), "int64")
        correct = ops.equal(choice, _class_numbers(labels, scores))
        place = ops.reshape(self._place(confidence), (-1,))
        confidence = ops.cast(confidence, self.dtype)
        confidence, weights = _weigh(confidence, sample_weight, mask)
        correct = weights * ops.cast(correct, self.dtype)
        columns = ops.stack([weights, correct, confidence], axis=-1)
        columns = ops.reshape(columns, (-1, 3))
        self.sums.assign_add(ops.segment_sum(columns, place, self.num_bins))

    def _probabilities(self, scores):
        """Probabilities of at least two classes, in float32 or float64."""
        if keras.backend.standardize_dtype(scores.dtype) != "float64":
            scores = ops.cast(scores, "float32")
        if scores.shape[-1] == 1:
            no = ops.zeros_like(scores) if self.from_logits else 1 - scores
            scores = ops.concatenate([no, scores], axis=-1)
        return ops.softmax(scores, axis=-1) if self.from_logits else scores

    def _place(self, confidence):
        """Number of the bin."""
        edges = np.arange(1, self.num_bins) / self.num_bins
        near = edges.astype(keras.backend.standardize_dtype(confidence.dtype))
        # Rounded down, so that `confidence > edge` holds as for the true edge.
        below = np.where(near > edges, np.nextafter(near, 0 * near), near)
        above = ops.expand_dims(confidence, axis=-1) > below
        return ops.sum(ops.cast(above, "int32"), axis=-1)

    def result(self):
        weight, correct, confidence = ops.unstack(self.sums, 3, axis=1)
        gap = ops.sum(ops.abs(correct - confidence))
        return ops.divide_no_nan(gap, ops.sum(weight))

    def get_config(self):
        config = super().get_config() | {"num_bins": self.num_bins}
        return config | {"from_logits": self.from_logits}


def _weigh(values, sample_weight, mask):
    """Returns the values times their weights, and the weights; 0 if masked."""
    weights = ops.ones_like(values)
    if sample_weight is not None:
        sample_weight = ops.cast(sample_weight, values.dtype)
        weights *= reduction.align(sample_weight, values, ops.mean)
    if mask is not None:
        mask = reduction.align(mask, values, ops.any)
        weights *= ops.cast(mask, values.dtype)
    # Not a product alone: what does not count may be nan.
    return ops.where(weights == 0, 0, values * weights), weights


def _class_numbers(labels, scores):
    """Labels `(batch, ...)` as integers, from those or from one-hot ones."""
    labels = ops.convert_to_tensor(labels)
    if len(labels.shape) == len(scores.shape):
        if labels.shape[-1] == 1:
            labels = ops.squeeze(labels, axis=-1)
        elif labels.shape[-1] == scores.shape[-1]:
            labels = ops.argmax(labels, axis=-1)
    if not shapes_agree(labels.shape, scores.shape[:-1]):
        raise ValueError(
            "`labels` must be a class number for each row of the scores, or "
            f"one-hot. Received: labels of shape {tuple(labels.shape)}, scores "
            f"of shape {tuple(scores.shape)}."
        )
    return ops.cast(labels, "int64")
