"""Steps of `fit` and `evaluate` on several replicas, on TensorFlow."""

import functools
import itertools
from typing import Any

import keras
import tensorflow as tf

from keras_kd.backend.first_batch import Replayed
from keras_kd.backend.neutral import first_batch
from keras_kd.backend.neutral import has_labels


class ReplicatedSteps:
    """Functions that run steps, for several replicas.

    Those of Keras 3.15 cannot run more than one step at once on replicas that
    share a process (keras#19246), nor any step on several workers, whose logs
    they reduce along an axis that scalars do not have (keras#20585). Where one
    replica trains, they are used.

    Mixed in before `keras.Model`. The names of Keras that are replaced here are
    public, but for `_maybe_symbolic_build`, the `_symbolic_build` in it, and
    `_compile_metrics`.
    """

    def compile(self, optimizer="rmsprop", *args, **kwargs):
        """See Keras.

        Raises:
            ValueError: If several replicas cannot run what is asked for.
        """
        optimizer = keras.optimizers.get(optimizer)
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas > 1:
            _check_optimizer(optimizer, replicas)
        super().compile(optimizer, *args, **kwargs)
        self._has_seen_batch = False
        if replicas > 1 and self.jit_compile:
            raise ValueError(
                '`jit_compile` must be "auto" or False on several replicas, '
                "since XLA does not reach what another device holds. Received: "
                f"jit_compile=True and {replicas} replicas. Leave it out."
            )

    def make_train_function(self, force=False):
        """See Keras; `fit` calls it."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = _make_function(self, self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        """See Keras; `evaluate` calls it."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = _make_function(self, self.test_step)
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Any:
        """See Keras; `predict` calls it."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_predict_function(force)
        if self.predict_function is None or force:
            self.predict_function = _make_predict_function(self)
        return self.predict_function

    def predict_on_batch(self, x: Any) -> Any:
        """See Keras."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().predict_on_batch(x)
        # Each replica would get all of it, and its answers come twice.
        return keras.tree.map_structure(
            keras.ops.convert_to_numpy, self.predict_step((x,))
        )

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras builds metrics before the first step under a strategy, with the
        # mean of the replicas' batches: that fails if they differ in size. The
        # first replica's batch shows the same shapes.
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            self._build_metrics_late(iterator, data_batch)
            return super()._maybe_symbolic_build(iterator, data_batch)
        if self._has_seen_batch:
            return None
        data_batch = first_batch(iterator, data_batch)
        with strategy.scope():
            self._symbolic_build(
                data_batch=strategy.experimental_local_results(data_batch)[0]
            )
        self._has_seen_batch = True
        return None

    def _build_metrics_late(self, iterator, data_batch):
        """Lets labels come after data without any.

        Metrics of labels make their variables when they see the first, which
        is only allowed in the first call of a function.
        """
        functions = self.train_function, self.test_function
        metrics = self._compile_metrics
        if functions == (None, None) or metrics is None or metrics.built:
            return
        data_batch = first_batch(iterator, data_batch)
        if has_labels(data_batch):
            self._symbolic_build(data_batch=data_batch)


def _check_optimizer(optimizer, replicas):
    """Validates that an optimizer works on several replicas (keras#20582)."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
        value = getattr(inner, name, None)
        if value:
            raise ValueError(
                f"`optimizer` must have `{name}=None` on several replicas, "
                "since Keras cannot decide there, within a step, whether to "
                "update (github.com/keras-team/keras/issues/20582). Received: "
                f"optimizer={type(inner).__name__} with {name}={value} and "
                f"{replicas} replicas. Leave it out, or train on one replica."
            )


def _make_function(model, step):
    """Makes the function of `fit` and `evaluate`, for several steps a call.

    Args:
        model: The `keras.Model`.
        step: Its `train_step` or `test_step`.

    Returns:
        Function from an iterator to the logs of its last step.
    """
    strategy = model.distribute_strategy

    def one_step(data):
        outputs = strategy.run(step, args=(data,))
        # Of scalars, one per replica.
        return keras.tree.map_structure(
            lambda value: strategy.reduce("MEAN", value, axis=None), outputs
        )

    def steps(batches):
        # A loop in the graph cannot hold `run`: the threads of the replicas do
        # not see what it feeds. The last group of an epoch may be shorter.
        for data in batches:
            outputs = one_step(data)
        return outputs

    # As in Keras, a condition on a tensor is no `if` of Python.
    graph = functools.partial(tf.function, autograph=False)
    graphs = {}

    def graph_of(count, spec):
        key = count, repr(spec)
        if key not in graphs:
            # With the shapes of the data set's spec, not those of a batch: a
            # worker whose last batch is smaller would make a graph of its own,
            # and wait for messages that the others do not send.
            graphs[key] = graph(steps, input_signature=[(spec,) * count])
        return graphs[key]

    def function(iterator):
        batches = tuple(itertools.islice(iterator, model.steps_per_execution))
        if not batches:
            # Keras takes it for the end of the epoch.
            raise StopIteration
        if model.run_eagerly:
            return steps(batches)
        if isinstance(iterator, tf.distribute.DistributedIterator | Replayed):
            return graph_of(len(batches), iterator.element_spec)(batches)
        # `train_on_batch` has one batch, and each replica gets all of it.
        return by_itself(batches)

    by_itself = graph(steps, reduce_retracing=True)
    return function


def _make_predict_function(model):
    """Makes the function of `predict`, for a list of batches.

    Args:
        model: The `keras.Model`.

    Returns:
        Function from the batches to the outputs of all replicas and workers,
        in the order of the examples.
    """
    strategy = model.distribute_strategy
    step = model.predict_step
    if not model.run_eagerly:
        step = tf.function(step, autograph=False, reduce_retracing=True)

    def function(batches):
        # Not in a graph: see `graph_of`.
        found = []
        for data in batches:
            outputs = strategy.run(step, args=(data,))
            found.append(
                keras.tree.map_structure(
                    lambda value: strategy.gather(value, axis=0), outputs
                )
            )
        return keras.tree.map_structure(
            lambda *values: tf.concat(values, axis=0), *found
        )

    return function
