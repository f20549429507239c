"""Adapts Keras's metrics of labels to outputs of logits."""

import keras
from keras import ops

from keras_kd._core import reduction


class LabelMetric(keras.metrics.Metric):
    """Metric of the labels that count, of probabilities where needed.

    What the Keras mask of `y_pred` hides gets weight 0 and label 0, since
    Keras 3.15 reads a mask in some metrics only, and a hidden label may be nan
    or no class.

    It has no state of its own: the metric inside has, and its holder can read
    it.

    Args:
        metric: A `keras.metrics.Metric`.
        activation: What makes probabilities of logits: `"softmax"`, over the
            last axis, or `"sigmoid"`; `None` for a metric that takes the output
            as it is.
        is_for_other: Whether the metric is about probabilities made by the
            other of the two.
    """

    def __init__(self, metric, activation=None, is_for_other=False):
        super().__init__(name=metric.name, dtype=metric.dtype)
        self.metric = metric
        self.activation = activation
        self.is_for_other = is_for_other

    def __getattr__(self, name):
        # Keras reads more of a metric than is public: the way to improve it,
        # for callbacks that monitor it.
        if name.startswith("__") or "metric" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.metric, name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        mask = reduction.read_mask(y_pred)
        if self.activation is not None:
            layer = Activation(self.activation, self.is_for_other)
            y_pred = layer(y_pred)
        elif mask is not None:
            # Without the mask, which would count twice.
            y_pred = ops.copy(y_pred)
        if mask is not None:
            y_true = reduction.zero_hidden(y_true, mask)
            sample_weight = self._weights(mask, y_pred, sample_weight)
        self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def _weights(self, mask, y_pred, sample_weight):
        """Weights of positions, or of numbers for a metric that flattens."""
        # Without an axis of classes, each position has a number.
        has_classes = len(y_pred.shape) > 1
        positions = y_pred[..., 0] if has_classes else y_pred
        mask = reduction.broadcast_like(mask, positions, ops.any)
        weights = ops.broadcast_to(mask, ops.shape(positions))
        weights = ops.cast(weights, self.metric.dtype)
        if sample_weight is not None:
            given = ops.cast(sample_weight, weights.dtype)
            weights *= reduction.broadcast_like(given, weights, ops.mean)
        if has_classes and isinstance(self.metric, keras.metrics.BinaryIoU):
            weights = ops.broadcast_to(weights[..., None], ops.shape(y_pred))
        return weights

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()


class AsGiven(LabelMetric):
    """Metric of the user's own, on labels and output as they are.

    The metric itself handles labels that are ignored, or nan.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.metric.update_state(
            y_true, ops.copy(y_pred), sample_weight=sample_weight
        )


class Activation(keras.layers.Layer):
    """Softmax or sigmoid in float32, or float64, without a Keras mask.

    Half precision has no number between .5 and .5004.

    Args:
        activation: `"softmax"` or `"sigmoid"`.
        is_for_other: See `LabelMetric`.
    """

    def __init__(self, activation, is_for_other=False):
        super().__init__(name="activation", dtype="float32", autocast=False)
        self.supports_masking = True
        self.activation = activation
        self.is_for_other = is_for_other

    def call(self, logits):
        if keras.backend.standardize_dtype(logits.dtype) != "float64":
            logits = ops.cast(logits, "float32")
        function = ops.sigmoid if self.activation == "sigmoid" else ops.softmax
        # Of what `ops.softmax` and `ops.sigmoid` return, the cross-entropies of
        # Keras 3.15 find the logits, and apply their own activation to them.
        # That is more exact where it is the same one, and wrong elsewhere.
        return function(logits) * 1 if self.is_for_other else function(logits)

    def compute_mask(self, inputs, previous_mask):
        return None
