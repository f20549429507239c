"""Constants of backends whose steps see the whole batch: no replicas."""

import contextlib

import keras

from keras_kd.backend.neutral import first_batch
from keras_kd.backend.neutral import has_labels


class OneDeviceSteps:
    """Preparation of the first step of `fit` or `evaluate`.

    Mixed in before `keras.Model`. The names of Keras 3.15 that are replaced
    here are public, but for `_symbolic_build`.
    """

    def _symbolic_build(self, iterator=None, data_batch=None):
        # Keras builds metrics and losses of labels here, and fails if there are
        # none: those wait for labels, and the step says what it misses.
        data_batch = first_batch(iterator, data_batch)
        if has_labels(data_batch):
            # Without the weights: those of examples do not fit the values of
            # positions, for which a step spreads them.
            super()._symbolic_build(data_batch=data_batch[:2])
        elif not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)


class FirstBatch:
    """Stands in for what keeps the first batch: making an object of it fails.

    Args:
        model: The model in training.
    """

    def __init__(self, model):
        raise RuntimeError(
            "The Keras backend must be tensorflow for `callbacks.Diagnostics`, "
            "since it looks into the first batch there only. Received: "
            f"backend={keras.backend.backend()}. Leave the callback out, or "
            "run one epoch on TensorFlow."
        )


def num_replicas():
    """Number of replicas that take part in a step."""
    return 1


def replicas_of(model):
    """Number of replicas that train a model."""
    return 1


def scope_of(model):
    """The scope in which what belongs to a model is made."""
    return contextlib.nullcontext()


def replica_id():
    """Number of this replica, from 0."""
    return 0


def all_sum(value):
    """Sums a tensor over the replicas, inside a step."""
    return value


def gather_ints(model, numbers, count):
    """Collects some numbers of all workers: here there is one."""
    return [list(numbers)]


def is_in_scope(variables):
    """Whether variables were made in the scope of the current strategy."""
    return True


def is_scope_name(name):
    """Whether a graph can have a scope of this name."""
    return True


def compiled(function):
    """Converts what a function of tensors is called with.

    Args:
        function: Of structures of tensors whose first axis is the batch.

    Returns:
        A function that computes the same, of tensors or arrays.
    """

    def run(*inputs):
        convert = keras.ops.convert_to_tensor
        return function(*keras.tree.map_structure(convert, inputs))

    return run
