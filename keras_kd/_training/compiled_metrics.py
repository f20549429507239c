"""Adapts each metric of `compile` to outputs of logits."""

import warnings

import keras
from keras import ops

from keras_kd._core import reduction
from keras_kd._training import expected
from keras_kd._training.expected import expectation
from keras_kd.metrics.teacher_metric import ClassMetric


def readable(groups, outputs):
    """Wraps metrics of probabilities for outputs of logits.

    Warns, once, of losses and metrics of the user's own.

    Args:
        groups: `metrics` and `weighted_metrics` as given to `compile`, without
            those that see the teacher.
        outputs: What `student_outputs.find` returned.

    Returns:
        The same structures, with a `LabelMetric` around the metrics.

    Raises:
        ValueError: If a metric would be wrong, and cannot be adapted.
    """
    unknown = [name for output in outputs.values() for name in output.unknown]
    groups = [_of_outputs(metrics, outputs, unknown) for metrics in groups]
    if unknown:
        warnings.warn(
            "`loss` and `metrics` of your own get logits, since the student "
            "gives them. Received: "
            f"{', '.join(dict.fromkeys(unknown))}. If they read probabilities, "
            "apply the softmax or sigmoid there. An attribute `from_logits` "
            "says what one takes: with False, a metric gets probabilities.",
            stacklevel=3,
        )
    return groups


def _of_outputs(metrics, outputs, unknown):
    def of(output, part):
        return keras.tree.map_structure(
            lambda given: _readable(given, output, unknown), part
        )

    if not metrics:
        return metrics
    if len(outputs) == 1:
        return of(next(iter(outputs.values())), metrics)
    if isinstance(metrics, dict):
        return {
            name: of(outputs[name], part) if name in outputs else part
            for name, part in metrics.items()
        }
    if len(metrics) == len(outputs):
        # Keras goes by position here.
        return [
            of(output, part)
            for output, part in zip(outputs.values(), metrics, strict=True)
        ]
    return metrics


def _readable(given, output, unknown):
    if given is None:
        return given
    if isinstance(given, str) and given.lower() in expected.ACCURACY:
        # Of several numbers, Keras takes the highest.
        if output.reason is None or output.units != 1:
            return given
        return keras.metrics.BinaryAccuracy(name=given, threshold=0.0)
    metric = keras.metrics.get(given)
    takes = expectation(metric)
    metric = _as_metric(given, metric)
    if takes.reads == expected.UNKNOWN:
        if output.reason is not None:
            unknown.append(takes.name)
        # With a mask of the student's own, as Keras shows it.
        return metric if output.is_masked else AsGiven(metric)
    if output.reason is None:
        return LabelMetric(metric)
    if takes.reads == expected.NUMBERS:
        raise ValueError(
            "`metrics` must read scores, since the student gives no numbers "
            f"of classes. Received: {given!r}. Use "
            f"`{_of_scores(takes.name, output.units)}`."
        )
    if takes.reads != expected.PROBABILITIES:
        return LabelMetric(metric)
    activation = output.activation or takes.activation
    if activation is None:
        raise ValueError(
            "`metrics` of probabilities must know whether the student's logits "
            "are of classes (softmax) or of labels (sigmoid), since they get "
            f"probabilities. Received: {given!r}, where neither `loss` nor a "
            "distillation loss tells. Give `loss=keras.losses."
            "BinaryCrossentropy(from_logits=True)` or another cross-entropy; "
            "with `student_loss_weight=0`, it does not count."
        )
    if takes.name == "ExpectedCalibrationError" and (
        activation == expected.SIGMOID and output.units != 1
    ):
        raise ValueError(
            "`metrics` must read classes of which one is right for "
            "`ExpectedCalibrationError`, which judges the highest score. "
            f"Received: {given!r}, for a student that gives labels. Leave it "
            "out."
        )
    return LabelMetric(
        metric,
        activation,
        is_for_other=takes.activation not in (None, activation),
    )


def _of_scores(name, units):
    """Suggests a metric in place of one that compares class numbers."""
    if name == "Accuracy":
        return 'metrics=["accuracy"]'
    if units == 1:
        return "keras.metrics.BinaryIoU(threshold=0)"
    return f"keras.metrics.{name}(..., sparse_y_pred=False)"


def _as_metric(given, metric):
    """A metric object, named as Keras would."""
    if not isinstance(metric, keras.metrics.Metric):
        metric = keras.metrics.MeanMetricWrapper(
            metric, name=expected.name_of(metric)
        )
    if isinstance(given, str):
        metric.name = given
    return metric


def decide(fed, outputs):
    """Decides whether teacher metrics compare classes or labels.

    Args:
        fed: List of `logs.TeacherFedMetric`.
        outputs: What `student_outputs.find` returned.

    Raises:
        ValueError: If they would read the sign of a probability.
    """
    for one in fed:
        output = outputs.get(one.output, next(iter(outputs.values())))
        if not isinstance(one.metric, ClassMetric):
            continue
        if output.gives_probabilities:
            raise ValueError(
                "`metrics` of `keras_kd.metrics` must compare logits, since "
                "they apply the softmax or sigmoid themselves. Received: "
                f"{one.metric.name!r}, for a student that gives probabilities. "
                "Leave the activation away, and compile with a loss that has "
                "`from_logits=True`."
            )
        one.metric.decide(
            output.reason is not None and output.activation == expected.SIGMOID
        )


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
        if sample_weight is None:
            weights = ops.cast(weights, self.metric.dtype)
        else:
            # Not in whole numbers, for metrics that count in these.
            weights = ops.cast(weights, sample_weight.dtype)
            weights *= reduction.broadcast_like(
                sample_weight, weights, ops.mean
            )
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
