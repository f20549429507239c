"""Shows a metric of probabilities what a student of logits means."""

import contextlib
import threading

import keras
from keras import ops

_sharing = threading.local()


class OfProbabilities(keras.metrics.Metric):
    """A metric that sees the softmax or sigmoid of the logits.

    It has no state of its own: the metric inside counts, and whoever holds
    that one can read it.

    Args:
        metric: A `keras.metrics.Metric`.
        activation: `"softmax"`, over the last axis, or `"sigmoid"`.
        is_for_other: Whether the metric is about probabilities made by the
            other of the two.
    """

    def __init__(self, metric, activation, is_for_other=False):
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
        layer = Activation(self.activation, self.is_for_other)
        probabilities = _shared(y_pred, layer)
        self.metric.update_state(
            y_true, probabilities, sample_weight=sample_weight
        )

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()


class Activation(keras.layers.Layer):
    """Softmax or sigmoid in float32, or float64, that keeps the Keras mask.

    Half precision has no number between .5 and .5004.

    Args:
        activation: `"softmax"` or `"sigmoid"`.
        is_for_other: See `OfProbabilities`.
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


@contextlib.contextmanager
def sharing():
    """Lets the metrics that are updated in the block share the activation."""
    before = getattr(_sharing, "known", None)
    _sharing.known = {}
    try:
        yield
    finally:
        _sharing.known = before


def _shared(logits, layer):
    known = getattr(_sharing, "known", None)
    if known is None:
        return layer(logits)
    key = (id(logits), layer.activation, layer.is_for_other)
    if key not in known:
        # With the logits, since the `id` of what is gone may come again.
        known[key] = logits, layer(logits)
    return known[key][1]
