"""Compiles a Distiller, and prepares the data of its `fit`."""

import functools
import inspect
import types
from typing import Any

import keras

from keras_kd import backend
from keras_kd import batch
from keras_kd._core import reduction
from keras_kd._core.kinds import check_loss
from keras_kd._core.kinds import check_metrics
from keras_kd._training import compiled_metrics
from keras_kd._training import logs
from keras_kd._training import student_outputs
from keras_kd._training.reader import Reader
from keras_kd._types import Data
from keras_kd._types import PerOutput
from keras_kd.backend.neutral import of_any_backend


class Compiling(logs.Reporting):
    """`compile` and the metrics of a Distiller.

    Keras would feed every metric with labels, and knows one loss. The class it
    is mixed into, before `keras.Model`, has `step.StepParts` in `_parts`.
    """

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "rmsprop",
        loss: PerOutput | None = None,
        loss_weights: PerOutput | None = None,
        metrics: PerOutput | None = None,
        weighted_metrics: PerOutput | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
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
        check_loss("loss", loss)
        check_metrics("metrics", metrics)
        check_metrics("weighted_metrics", weighted_metrics)
        outputs = self._find_outputs(loss)
        optimizer = keras.optimizers.get(optimizer)
        fed, others = self._split_metrics(metrics, False)
        weighted_fed, weighted_others = self._split_metrics(
            weighted_metrics, True
        )
        with backend.scope_of(self):
            others, weighted_others = compiled_metrics.readable(
                (others, weighted_others), outputs
            )
        replicas = backend.replicas_of(self)
        averaged = (
            reduction.over_replicas if replicas > 1 else reduction.by_examples
        )
        super().compile(
            optimizer,
            averaged(loss),
            loss_weights,
            others,
            weighted_others,
            run_eagerly,
            steps_per_execution,
            jit_compile,
            auto_scale_loss,
        )
        self.loss = loss
        student = self._parts.student
        self._parts.reader = Reader(
            student.symbolic()[0],
            student.output_names,
            loss,
            self._parts.mask_input,
        )
        self._parts.replicas = replicas
        self._parts.logs.fed = fed + weighted_fed
        compiled_metrics.decide(self._parts.logs.fed, outputs)
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
            self.distillation_losses, self._parts.student.tapped, loss
        )

    def _split_metrics(self, metrics, is_weighted):
        """Separates metrics that see the teacher from those for Keras."""
        sides = self._parts.logs.sides
        return logs.split_metrics(metrics, sides, is_weighted)

    @property
    def output_names(self) -> list[str] | None:
        """Names of the student's outputs, which label losses and metrics."""
        return getattr(self.student, "output_names", None)

    def measure_batch(self, data: Data) -> Any:
        """Measures of one batch: see `measuring.measure`."""
        # Few ask, and it is a module that few need.
        from keras_kd._training import measuring

        return measuring.measure(self, data)

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile`, serialized."""
        if not self.compiled:
            return {}
        return {
            name: of_any_backend(keras.saving.serialize_keras_object(value))
            for name, value in vars(self._compile_arguments).items()
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles with what `get_compile_config` returned."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)


class UnlabelledWeights:
    """`fit` and `evaluate`, with sample weights of data without labels.

    Keras drops the weights of arrays without labels before a step sees them:
    here they travel beside `x`. Mixed in before `keras.Model`.
    """

    @functools.wraps(keras.Model.fit)
    def fit(self, *args, **kwargs):
        return super().fit(**_arguments(keras.Model.fit, self, args, kwargs))

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args, **kwargs):
        return super().evaluate(
            **_arguments(keras.Model.evaluate, self, args, kwargs)
        )


def _arguments(function, model, args, kwargs):
    """Arguments of a method by name, with weights of unlabelled data moved."""
    given = inspect.signature(function).bind(model, *args, **kwargs).arguments
    _, *names = inspect.signature(function).parameters
    # The method may take further arguments by `**kwargs`, under their names.
    arguments = {name: given[name] for name in names if name in given}
    arguments |= arguments.pop("kwargs", {})
    _check_labels(model, arguments.get("y"))
    if arguments.get("y") is None:
        _move_weights(arguments)
    validation = arguments.get("validation_data")
    if isinstance(validation, list | tuple):
        _check_labels(model, *validation[1:2])
    if isinstance(validation, list | tuple) and len(validation) == 3:
        x, y, weights = validation
        if y is None:
            data = {"x": x, "sample_weight": weights}
            _move_weights(data)
            arguments["validation_data"] = (data["x"],)
    return arguments


def _check_labels(model, y=None):
    if model.compiled:
        model._parts.reader.check_arrays(y)


def _move_weights(arguments):
    """Moves `sample_weight` beside an `x` of arrays, in place."""
    weights = arguments.get("sample_weight")
    x = arguments.get("x")
    # A data set has its weights in its elements; Keras raises for others.
    if weights is not None and all(
        hasattr(array, "shape") for array in keras.tree.flatten(x)
    ):
        del arguments["sample_weight"]
        arguments["x"] = batch.attach(x, sample_weight=weights)
