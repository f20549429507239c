"""Logs of a Distiller beside Keras's own metrics."""

import dataclasses
from typing import Any

import keras
from keras import ops

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import tapped_model
from keras_kd._types import Tensor
from keras_kd.metrics import TeacherMetric


class TermMean(keras.metrics.Mean):
    """Weighted mean of scalars.

    Keras's own update takes any shapes: 14 operations more for each term, which
    the step of a small student shows.
    """

    def update_state(self, value, weight):
        self.total.assign_add(value * weight)
        self.count.assign_add(weight)


class Logs:
    """Running means of the loss terms, and metrics that see the teacher.

    A plain object: Keras would list metrics that it tracks once more.

    Args:
        names: Keys of the terms.
        sides: Names of the outputs of teacher and of student. Defaults to one
            output each.
    """

    def __init__(self, names, sides=((), ())):
        self.means = {name: TermMean(name=name) for name in names}
        self.sides = sides
        self.fed = []

    def metrics(self, omitted):
        """All metrics, without the mean of a term that is not in use."""
        means = [m for name, m in self.means.items() if name != omitted]
        return [*means, *(fed.metric for fed in self.fed)]

    def results(self, omitted):
        """Their values, by key."""
        means = [(n, m) for n, m in self.means.items() if n != omitted]
        fed = [(fed.key, fed.metric) for fed in self.fed]
        return merge((key, metric.result()) for key, metric in means + fed)

    def have_seen_no_teacher(self):
        """Whether all batches came without the teacher's outputs."""
        counts = [m.count for n, m in self.means.items() if n != "student_loss"]
        return all(not ops.convert_to_numpy(count) for count in counts)

    def without_teacher(self, results):
        """Drops values that need a teacher: all terms but the supervised."""
        omitted = [*self.means, *(fed.key for fed in self.fed)]
        omitted.remove("student_loss")
        return {k: v for k, v in results.items() if k not in omitted}

    def update_terms(self, total, terms, examples, replicas):
        """Adds the losses of a batch.

        Args:
            total: The `Mean` that Keras keeps for the total, and its value.
            terms: Values by name; like the total's, shares of this replica.
            examples: Number of examples of this replica.
            replicas: Number of replicas that take part.
        """
        weight = ops.cast(examples, "float32")
        if replicas > 1:
            # With the global size as weight on each replica, the sums that the
            # metric keeps are exact for replicas of different sizes.
            weight = backend.all_sum(weight) / replicas
        mean, value = total
        mean.update_state(value * replicas, sample_weight=weight)
        for name, value in terms.items():
            self.means[name].update_state(value * replicas, weight)

    def update_fed(self, teacher, student, found):
        """Feeds a batch to the metrics that see the teacher.

        Args:
            teacher: The teacher's output.
            student: The student's output.
            found: `Targets` of the batch.
        """
        teacher_names, student_names = self.sides
        for fed in self.fed:
            weight = None
            if fed.is_weighted:
                weight = batch.of_output(
                    found.weights, student_names, fed.output
                )
            masks = found.masks(fed.output) if found.has_masks else ()
            fed.metric.update_state(
                _pick(teacher, teacher_names, fed.output),
                _pick(student, student_names, fed.output),
                sample_weight=weight,
                masks=masks,
            )


def _pick(output, names, name):
    """One of several outputs, or the only one."""
    if not keras.tree.is_nested(output):
        return output
    return tapped_model.pick(output, names, name if names else None)


class Reporting:
    """The metrics of a Distiller, and their results.

    The class it is mixed into, before `keras.Model`, has a `Logs` in
    `_parts.logs`.
    """

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The total, Keras's metrics, then the terms and the teacher's."""
        return [*super().metrics, *self._parts.logs.metrics(self._omitted())]

    @property
    def losses(self) -> list[Tensor]:
        """Empty: each step adds the penalties of layers to the total itself.

        Keras would add them to the loss given to `compile`.
        """
        return []

    def _omitted(self):
        """Name of the unused loss term, or `None`."""
        return "student_loss" if self.loss is None else None

    def get_metrics_result(self) -> dict[str, Any]:
        """Returns the logs, without metrics that saw no label or teacher."""
        results = self._results(
            lambda metric: metric.built if _sees_labels(metric) else True
        )
        parts = self._parts
        if parts.may_lack_teacher and not backend.is_tracing():
            if parts.logs.have_seen_no_teacher():
                results = parts.logs.without_teacher(results)
        return results

    def results_without_labels(self) -> dict[str, Any]:
        """Returns the logs of a batch without labels."""
        return self._results(lambda metric: not _sees_labels(metric))

    def _results(self, is_shown):
        shown = [m for m in super().metrics if is_shown(m)]
        values = merge((m.name, m.result()) for m in shown)
        own = self._parts.logs.results(self._omitted())
        return merge([*values.items(), *own.items()])


def _sees_labels(metric):
    # The one object in which Keras keeps all metrics given to `compile`.
    return metric.name == "compile_metrics"


@dataclasses.dataclass(frozen=True)
class TeacherFedMetric:
    """A metric that is fed the teacher's output in place of labels.

    Attributes:
        metric: A `TeacherMetric`.
        output: Name of the output it compares, `None` for the only one.
        is_weighted: Whether sample weights count.
    """

    metric: TeacherMetric
    output: str | None
    is_weighted: bool

    @property
    def key(self):
        """Key in the logs, named like Keras's metrics of several outputs."""
        name = self.metric.name
        return name if self.output is None else f"{self.output}_{name}"


def split_metrics(metrics, sides, is_weighted, output=None):
    """Separates metrics that see the teacher from those that see labels.

    Args:
        metrics: As given to `compile`: one, a list, a list per output, or a
            dict by output.
        sides: Names of the outputs of teacher and of student.
        is_weighted: Whether they are `weighted_metrics`.
        output: Name of the output they stand under.

    Returns:
        `(fed, others)`: a list of `TeacherFedMetric`, and `metrics` without
        them.

    Raises:
        ValueError: If a metric does not name one of several outputs.
    """
    if isinstance(metrics, TeacherMetric):
        output = _check_output(metrics, metrics.output or output, sides)
        return [TeacherFedMetric(metrics, output, is_weighted)], None
    if isinstance(metrics, dict):
        items = metrics.items()
    elif isinstance(metrics, list | tuple):
        by_position = any(isinstance(m, list | tuple) for m in metrics)
        outputs = sides[1] if by_position else [output] * len(metrics)
        items = zip(outputs, metrics, strict=False)
    else:
        return [], metrics
    pairs = [
        (name, *split_metrics(metric, sides, is_weighted, name))
        for name, metric in items
    ]
    fed = [one for _, found, _ in pairs for one in found]
    if isinstance(metrics, dict):
        others = {name: o for name, _, o in pairs if o is not None}
    elif by_position:
        # Keras goes by position here.
        others = [[] if other is None else other for _, _, other in pairs]
    else:
        others = [other for _, _, other in pairs if other is not None]
    return fed, others or None


def _check_output(metric, output, sides):
    teacher_names, student_names = sides
    if len(student_names) < 2 and metric.output is None:
        return None
    known = [
        n for n in student_names if not teacher_names or n in teacher_names
    ]
    if output not in known:
        raise ValueError(
            "`output` must name an output of both models, since a metric "
            f"compares one. Received: output={output!r} in "
            f"{metric.name!r}. There are: {', '.join(known) or 'no names'}."
        )
    return output


def merge(pairs):
    """Merges results of metrics into one dict; names must be unique.

    Args:
        pairs: Keys and values; a dict as value brings its own keys.
    """
    values = {}
    for key, value in pairs:
        new = value if isinstance(value, dict) else {key: value}
        for name in new:
            if name in values:
                raise ValueError(
                    "`name` of each loss and metric must be unique, since it "
                    f"is a key of the logs. Received: {name!r} twice. Pass "
                    "another `name=`."
                )
        values |= new
    return values
