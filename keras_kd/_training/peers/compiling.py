"""Compiles a MutualDistiller."""

from typing import Any

import keras

from keras_kd import backend
from keras_kd._training import checks
from keras_kd._training import student_outputs
from keras_kd._training.compiling import Compiling
from keras_kd._training.peers.logs import ENSEMBLE
from keras_kd._training.peers.logs import PeerReporting
from keras_kd._training.peers.logs import copied
from keras_kd._types import PerOutput

# What `get_config` writes for a learning rate that is a plain function.
_FUNCTIONS = ("__lambda__", "function")


class PeerCompiling(PeerReporting, Compiling):
    """`compile` and the metrics of a MutualDistiller.

    The class it is mixed into has `peers`, `peer_names` and `PeerParts` in
    `_parts`.
    """

    # The optimizers of all peers but the first, saved by Keras as attributes.
    _other_optimizers = ()

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
            optimizer: A Keras optimizer or its name. It updates the first
                peer; each other peer gets a copy.
            loss: Supervised loss of a peer's logits. `None`, the default,
                lets the peers learn from each other alone.
            loss_weights: Must be `None`: see `student_loss_weight`.
            metrics: List of metrics of the logits, and metrics of
                `keras_kd.metrics` that compare a peer with its teachers. Each
                peer gets copies, and so do all peers together. Keras's metrics
                of probabilities see the softmax or sigmoid; your own see the
                logits.
            weighted_metrics: The same, weighted by `sample_weight`.
            run_eagerly: Whether to run without a graph.
            steps_per_execution: Batches in one call of the graph.
            jit_compile: Whether to use XLA. Not with `shards=True`.
            auto_scale_loss: Whether peers that compute in float16 get a
                `LossScaleOptimizer`.

        Raises:
            ValueError: If a loss takes probabilities, or metrics or losses are
                given by output, or the optimizer keeps averages of weights,
                or a peer has no trainable weights.
        """
        optimizer = keras.optimizers.get(optimizer)
        check_optimizer(optimizer)
        if loss_weights is not None or keras.tree.is_nested(loss):
            raise ValueError(
                "`loss` must be one loss, since a peer has one output. "
                f"Received: loss={loss!r}, loss_weights={loss_weights!r}. Its "
                "weight is `student_loss_weight`."
            )
        before = getattr(self, "optimizer", None)
        super().compile(
            optimizer,
            loss,
            None,
            metrics,
            weighted_metrics,
            run_eagerly,
            steps_per_execution,
            jit_compile,
            auto_scale_loss,
        )
        self._make_optimizers(is_same=self.optimizer is before)

    def _make_optimizers(self, is_same):
        """Gives each peer its optimizer, built, so that it can be loaded."""
        with backend.scope_of(self):
            if not is_same:
                self._other_optimizers = [
                    copy_of(self.optimizer) for _ in self.peer_names[1:]
                ]
            for index, optimizer in enumerate(self.optimizers):
                checks.check_trainable(self.peers[index], f"peers[{index}]")
                if not optimizer.built:
                    optimizer.build(self._parts.variables(index))

    @property
    def output_names(self) -> None:
        """None: the peers' outputs may have different names."""
        return None

    def _find_outputs(self, loss):
        found = student_outputs.find(
            self.distillation_losses,
            self._parts.student.tapped,
            loss,
            reason="the peers compare logits",
        )
        (output,) = found.values()
        return dict.fromkeys((*self.peer_names, ENSEMBLE), output)

    def _split_metrics(self, metrics, is_weighted):
        """Metrics that see the teachers, and a dict of the others by head."""
        is_list = metrics is None or isinstance(metrics, list | tuple)
        if not is_list or any(keras.tree.is_nested(m) for m in metrics or ()):
            raise ValueError(
                "`metrics` must be a list, since a peer has one output. "
                f"Received: {metrics!r}."
            )
        fed, others = super()._split_metrics(metrics, is_weighted)
        if not others:
            return fed, None
        return fed, {
            head: [
                copied(m) if isinstance(m, keras.metrics.Metric) else m
                for m in others
            ]
            for head in (*self.peer_names, ENSEMBLE)
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles with what `get_compile_config` returned."""
        self.compile(**keras.saving.deserialize_keras_object(config))


def check_optimizer(optimizer):
    """Validates that an optimizer can train several peers."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if getattr(inner, "use_ema", False):
        raise ValueError(
            "`optimizer` must not keep averages of the weights, since Keras "
            "would put them in place for the first peer alone. Received: "
            f"{type(inner).__name__}(use_ema=True). Use `use_ema=False`."
        )


def copy_of(optimizer):
    """Copies an optimizer, for other variables.

    Args:
        optimizer: A Keras optimizer.

    Returns:
        One of the same config, with moments and iterations of its own. A
        learning-rate schedule follows its own iterations; a number is read
        from the first, so that callbacks change the rate of both.
    """
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return keras.optimizers.LossScaleOptimizer(
            copy_of(optimizer.inner_optimizer),
            initial_scale=optimizer.initial_scale,
            dynamic_growth_steps=optimizer.dynamic_growth_steps,
        )
    config = optimizer.get_config()
    rate = config["learning_rate"]
    is_schedule = isinstance(rate, dict) and rate["class_name"] not in (
        _FUNCTIONS
    )
    if not is_schedule:
        config["learning_rate"] = lambda: optimizer.learning_rate
    try:
        copy = type(optimizer).from_config(config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`optimizer` must be what its config says, since each peer gets a "
            f"copy. Received: {type(optimizer).__name__} with {config}. "
            "Register a schedule of your own with "
            "`keras.saving.register_keras_serializable`."
        ) from error
    backend.copy_weight_decay_exclusions(optimizer, copy)
    return copy
