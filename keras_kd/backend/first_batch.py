"""The first batch of a training, kept without a change to it."""

import itertools

import keras
import tensorflow as tf


class FirstBatch:
    """Keeps the first batch that `fit` trains on.

    Another pass over the data, even of one batch, would count on in their
    shuffle, and change the order of the epochs that follow. The batches of the
    first call are held here instead, and handed on to the step that Keras has
    compiled already.

    Args:
        model: A model whose `fit` has made its `train_function`, as it has when
            callbacks hear of the beginning.

    Attributes:
        value: The batch, as a step gets it: of several replicas, that of the
            first. `None` until it has come.
    """

    def __init__(self, model):
        self.value = None
        function = model.train_function

        def train(iterator):
            model.train_function = function
            batches = list(
                itertools.islice(iterator, model.steps_per_execution)
            )
            if not batches:
                return function(iterator)
            strategy = model.distribute_strategy
            first = strategy.experimental_local_results(batches[0])[0]
            self.value = keras.tree.map_structure(_without_optional, first)
            if strategy.num_replicas_in_sync > 1:
                return function(Replayed(batches, iterator.element_spec))
            return function(_replayed(batches, iterator.element_spec))

        model.train_function = train


class Replayed:
    """An iterator over batches of several replicas.

    Args:
        batches: A list.
        element_spec: That of the iterator that they come from.
    """

    def __init__(self, batches, element_spec):
        self.element_spec = element_spec
        self._batches = iter(batches)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._batches)


def _replayed(batches, element_spec):
    """An iterator that Keras's function takes without another graph."""
    # Only the shapes differ: those of the batches are known, and would make
    # one.
    several = [
        tf.data.experimental.from_variant(
            tf.data.experimental.to_variant(
                tf.data.Dataset.from_tensors(batch)
            ),
            element_spec,
        )
        for batch in batches
    ]
    data = several[0]
    for one in several[1:]:
        data = data.concatenate(one)
    return iter(data)


def _without_optional(leaf):
    # What Keras makes of a `None` in a batch.
    return None if isinstance(leaf, tf.experimental.Optional) else leaf
