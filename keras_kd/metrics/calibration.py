"""Calibration of the student."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd._core import reduction
from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_flag
from keras_kd._types import Tensor
from keras_kd.losses.shapes import shapes_agree
from keras_kd.metrics.teacher_metric import weigh

# By which probabilities in half precision may miss their sum.
_ROUNDING = 1e-2


@keras.saving.register_keras_serializable("keras_kd")
class ExpectedCalibrationError(keras.metrics.Metric):
    """Mean difference between confidence and accuracy of predictions.

    Predictions are sorted by confidence, their highest probability, into bins
    of equal width, `(i / num_bins, (i + 1) / num_bins]`. The result is the
    mean over predictions of `abs(accuracy of the bin - mean confidence of the
    bin)`. It needs about 100 predictions: few in a bin make it seem large.

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
        TypeError: If `from_logits` is not a bool.
        ValueError: If `num_bins` is not a positive integer, or the labels do
            not fit the scores.
        tf.errors.InvalidArgumentError: If scores are no probabilities while
            `from_logits=False`.

    Example:

    >>> metric = keras_kd.metrics.ExpectedCalibrationError()
    >>> metric.update_state([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    >>> float(metric.result())
    0.25
    """

    def __init__(
        self,
        num_bins: int = 15,
        from_logits: bool = False,
        name: str = "expected_calibration_error",
        dtype: str = "float32",
    ):
        super().__init__(name=name, dtype=dtype)
        check_count("num_bins", num_bins, "bins")
        self.num_bins = num_bins
        check_flag("from_logits", from_logits, "whether a softmax is applied")
        self.from_logits = bool(from_logits)
        # Weights, correct predictions and confidences, summed in each bin.
        shape = (num_bins, 3)
        self.sums = self.add_variable(shape, "zeros", self.dtype, name="sums")

    def update_state(
        self,
        labels: Tensor,
        scores: Tensor,
        sample_weight: Tensor | None = None,
    ) -> None:
        scores = ops.convert_to_tensor(scores)
        mask = reduction.read_mask(scores)
        probabilities = self._probabilities(scores)
        confidence = ops.max(probabilities, axis=-1)
        choice = ops.cast(ops.argmax(probabilities, axis=-1), "int32")
        correct = ops.equal(choice, _class_numbers(labels, scores))
        place = ops.reshape(self._place(confidence), (-1,))
        confidence = ops.cast(confidence, self.dtype)
        confidence, weights = weigh(confidence, sample_weight, mask)
        if not self.from_logits:
            weights += _nan_outside(probabilities, weights)
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
        above = ops.greater(ops.expand_dims(confidence, axis=-1), below)
        return ops.sum(ops.cast(above, "int32"), axis=-1)

    def result(self) -> Tensor:
        weight, correct, confidence = ops.unstack(self.sums.value, 3, axis=1)
        gap = ops.sum(ops.abs(correct - confidence))
        return ops.divide_no_nan(gap, ops.sum(weight))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config() | {"num_bins": self.num_bins}
        return config | {"from_logits": self.from_logits}


def _nan_outside(scores, weights):
    """Zeros like the weights; fails if what counts is no probabilities."""
    far = ops.abs(ops.sum(scores, axis=-1) - 1) > _ROUNDING
    beyond = ops.any(ops.abs(scores - 0.5) > 0.5 + _ROUNDING, axis=-1)
    # Not so for nan, of a model that diverged.
    is_outside = ops.logical_and(ops.logical_or(far, beyond), weights > 0)
    return backend.check_finite(
        ops.where(is_outside, np.nan, ops.zeros_like(weights)),
        "`scores` must be probabilities that sum to 1, since the highest is "
        "taken as a confidence. For logits, use "
        "`ExpectedCalibrationError(from_logits=True)`. Received others,"
        " here as",
    )


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
    return ops.cast(labels, "int32")
