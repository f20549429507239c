"""How `fit` and `evaluate` run a step on several replicas, on TensorFlow."""

import itertools

import keras
import tensorflow as tf


class ReplicatedSteps:
    """`make_train_function` and `make_test_function` for several replicas.

    Those of Keras 3.15 cannot run more than one step at once on replicas that
    share a process (keras#19246), nor any step on several workers, whose logs
    they reduce along an axis that scalars do not have (keras#20585). Where one
    replica trains, they are used.

    Mixed in before `keras.Model`. The names of Keras that are replaced here are
    public, but for `_maybe_symbolic_build`.
    """

    def compile(self, optimizer="rmsprop", *args, **kwargs):
        """See Keras.

        Raises:
            ValueError: If several replicas cannot run the optimizer.
        """
        optimizer = keras.optimizers.get(optimizer)
        _check_optimizer(optimizer, self.distribute_strategy)
        super().compile(optimizer, *args, **kwargs)

    def make_train_function(self, force=False):
        """See Keras; `fit` calls it."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = _function(self, self.train_step)
        return self.train_function

    def make_test_function(self, force=False):
        """See Keras; `evaluate` calls it."""
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = _function(self, self.test_step)
        return self.test_function

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras builds metrics before the first step under a strategy, with the
        # mean of the replicas' batches: that fails if they differ in size. The
        # first replica's batch shows the same shapes.
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            return super()._maybe_symbolic_build(iterator, data_batch)
        if data_batch is None:
            _, _, batches = next(iter(iterator))
            data_batch = next(batches)
        with strategy.scope():
            self._symbolic_build(
                data_batch=strategy.experimental_local_results(data_batch)[0]
            )


def _check_optimizer(optimizer, strategy):
    """Refuses what Keras 3.15 does on one replica alone (keras#20582)."""
    replicas = strategy.num_replicas_in_sync
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
        value = getattr(inner, name, None)
        if replicas > 1 and value:
            raise ValueError(
                f"`optimizer` must have `{name}=None` on several replicas, "
                "since Keras cannot decide there, within a step, whether to "
                "update (github.com/keras-team/keras/issues/20582). Received: "
                f"optimizer={type(inner).__name__} with {name}={value} and "
                f"{replicas} replicas. Leave it out, and make the batches "
                "larger if you want fewer updates."
            )


def _function(model, step):
    """What `fit` calls with an iterator, for as many steps as go at once.

    Args:
        model: The `keras.Model`.
        step: Its `train_step` or `test_step`.
    """
    strategy = model.distribute_strategy

    def one_step(data):
        outputs = strategy.run(step, args=(_without_optionals(data),))
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

    if not model.run_eagerly:
        one_step = tf.function(
            one_step, jit_compile=model.jit_compile, reduce_retracing=True
        )
    graphs = {}

    def graph(count, spec):
        key = count, repr(spec)
        if key not in graphs:
            # With the shapes that the data set tells, not those of a batch: a
            # worker whose last batch is smaller would make a graph of its own,
            # and wait for messages that the others do not send.
            graphs[key] = tf.function(steps, input_signature=[(spec,) * count])
        return graphs[key]

    def function(iterator):
        batches = tuple(itertools.islice(iterator, model.steps_per_execution))
        if not batches:
            # Keras takes it for the end of the epoch.
            raise StopIteration
        is_shared = isinstance(iterator, tf.distribute.DistributedIterator)
        # `train_on_batch` has one batch, and each replica gets all of it.
        if model.run_eagerly or not is_shared:
            return steps(batches)
        return graph(len(batches), iterator.element_spec)(batches)

    return function


def _without_optionals(data):
    """Data in which `None` is what Keras has wrapped for tf.data."""
    return keras.tree.map_structure(
        lambda part: (
            None if isinstance(part, tf.experimental.Optional) else part
        ),
        data,
    )
