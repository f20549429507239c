"""What a Distiller reports beside Keras's own metrics."""

import keras
from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd.metrics import TeacherMetric


class Logs:
    """Running means of the loss terms, and metrics that see the teacher.

    A plain object: Keras would list metrics that it tracks once more.

    Args:
        names: Keys of the terms.
    """

    def __init__(self, names):
        self.means = {name: keras.metrics.Mean(name=name) for name in names}
        self.fidelity = []

    def update(self, total, terms, x):
        """Adds a batch.

        Args:
            total: The `Mean` that Keras keeps for the total, and its value.
            terms: Values by name; like the total's, shares of this replica.
            x: The input, for the number of examples.
        """
        replicas = backend.num_replicas()
        # With the global size as weight on each replica, the sums that the
        # metric keeps are exact for replicas of different sizes.
        examples = ops.cast(batch.size(x), "float32")
        weight = backend.all_sum(examples) / replicas
        total_mean, total = total
        total_mean.update_state(total * replicas, sample_weight=weight)
        for name, value in terms.items():
            self.means[name].update_state(
                value * replicas, sample_weight=weight
            )


def split_metrics(metrics):
    """Separates metrics that see the teacher from those that see labels.

    Args:
        metrics: As given to `compile`: one, a list, or a dict by output.

    Returns:
        `(fidelity, others)`: a list of `TeacherMetric`, each with the output
        it is for, and `metrics` without them.
    """
    if isinstance(metrics, TeacherMetric):
        return [metrics], None
    if isinstance(metrics, list | tuple):
        pairs = [split_metrics(metric) for metric in metrics]
        others = [other for _, other in pairs if other is not None]
        return sum((fidelity for fidelity, _ in pairs), []), others or None
    if isinstance(metrics, dict):
        fidelity, others = [], {}
        for output, value in metrics.items():
            found, other = split_metrics(value)
            for metric in found:
                metric.output = metric.output or output
            fidelity += found
            if other is not None:
                others[output] = other
        return fidelity, others or None
    return [], metrics


def sees_labels(metric):
    """Whether it is the metric that Keras feeds with labels."""
    # The one object in which Keras keeps all metrics given to `compile`.
    return metric.name == "compile_metrics"


def results(metrics):
    """Values of metrics by name, as `get_metrics_result` of Keras."""
    values = {}
    for metric in metrics:
        value = metric.result()
        values |= value if isinstance(value, dict) else {metric.name: value}
    return values
