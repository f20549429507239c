"""Compiles a Distiller, and reports its losses and metrics."""

import types

import keras

from keras_kd import backend
from keras_kd._core import reduction
from keras_kd._training import compiled_metrics
from keras_kd._training import logs
from keras_kd._training import student_outputs


class Measured:
    """`compile` and the metrics of a Distiller.

    Keras would feed every metric with labels, and knows one loss. The class it
    is mixed into, before `keras.Model`, has a `logs.Logs` in `_logs` and both
    `ModelOutputs` in `_comparison`.
    """

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Configures training; see `keras.Model.compile`.

        Args:
            optimizer: A Keras optimizer or its name.
            loss: Supervised loss of the student's outputs. `None`, the
                default, trains on the teacher alone.
            loss_weights: Factors on the supervised losses of several outputs.
            metrics: Metrics of the student's outputs, and metrics of
                `keras_kd.metrics` that compare it with the teacher. Where an
                output gives logits, Keras's metrics of probabilities see its
                softmax or sigmoid; your own see the logits.
            weighted_metrics: The same, weighted by `sample_weight`.
            run_eagerly: Whether to run without a graph.
            steps_per_execution: Batches in one call of the graph.
            jit_compile: Whether to use XLA.
            auto_scale_loss: Whether a student that computes in float16 gets a
                `LossScaleOptimizer`.

        Raises:
            ValueError: If a metric of `keras_kd.metrics` does not name one of
                several outputs, a loss of probabilities would get the
                student's logits, or a loss and a distillation loss read an
                output in two ways, as classes and as labels.
        """
        outputs = self._find_outputs(loss)
        optimizer = keras.optimizers.get(optimizer)
        fed, others = self._split_metrics(metrics, False)
        weighted_fed, weighted_others = self._split_metrics(
            weighted_metrics, True
        )
        with self.distribute_strategy.scope():
            others, weighted_others = compiled_metrics.readable(
                (others, weighted_others), outputs
            )
        replicas = self.distribute_strategy.num_replicas_in_sync
        super().compile(
            optimizer,
            reduction.over_replicas(loss) if replicas > 1 else loss,
            loss_weights,
            others,
            weighted_others,
            run_eagerly,
            steps_per_execution,
            jit_compile,
            auto_scale_loss,
        )
        self.loss = loss
        self._logs.fed = fed + weighted_fed
        compiled_metrics.decide(self._logs.fed, outputs)
        # In a plain object, since Keras would track the metrics in a dict.
        self._compile_arguments = types.SimpleNamespace(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )

    def _find_outputs(self, loss):
        """Describes the student's outputs, a `StudentOutput` by name."""
        return student_outputs.find(
            self._comparison.losses.values(),
            self._comparison.student.tapped,
            loss,
        )

    def _split_metrics(self, metrics, is_weighted):
        """Separates metrics that see the teacher from those for Keras."""
        return logs.split_metrics(metrics, self._output_names(), is_weighted)

    def _output_names(self):
        """Names of the outputs of teacher and student, where several."""
        comparison = self._comparison
        return comparison.teacher.output_names, comparison.student.output_names

    @property
    def output_names(self):
        """Names of the student's outputs, which label losses and metrics."""
        return getattr(self.student, "output_names", None)

    @property
    def metrics(self):
        """The total, Keras's metrics, then the terms and the teacher's."""
        return [*super().metrics, *self._logs.metrics(self._omitted())]

    def _omitted(self):
        """Name of the unused loss term, or `None`."""
        return "student_loss" if self.loss is None else None

    def get_compile_config(self):
        """Returns the arguments of `compile`, serialized."""
        if not self.compiled:
            return {}
        return {
            name: keras.saving.serialize_keras_object(value)
            for name, value in vars(self._compile_arguments).items()
        }

    def compile_from_config(self, config):
        """Compiles with what `get_compile_config` returned."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_metrics_result(self):
        """Returns the logs, without metrics that saw no label or teacher."""
        results = self._results(
            lambda metric: metric.built if _sees_labels(metric) else True
        )
        if not backend.is_tracing() and self._logs.have_seen_no_teacher():
            results = self._logs.without_teacher(results)
        return results

    def results_without_labels(self):
        """Returns the logs of a batch without labels."""
        return self._results(lambda metric: not _sees_labels(metric))

    def _results(self, is_shown):
        shown = [m for m in super().metrics if is_shown(m)]
        values = logs.merge((m.name, m.result()) for m in shown)
        own = self._logs.results(self._omitted())
        return logs.merge([*values.items(), *own.items()])


def _sees_labels(metric):
    # The one object in which Keras keeps all metrics given to `compile`.
    return metric.name == "compile_metrics"
