"""Functions of `fit` and `evaluate` for several replicas, on TensorFlow.

Those of Keras 3.15 cannot run more than one step at once on replicas that share
a process (keras#19246), nor any step on several workers, whose logs they reduce
along an axis that scalars do not have (keras#20585).
"""

import functools
import itertools

import keras
import tensorflow as tf

from keras_kd.backend.first_batch import Replayed


def check_optimizer(optimizer, replicas):
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


def function(model, step):
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

    def run(iterator):
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
    return run


def predict_function(model):
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

    def run(batches):
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

    return run
