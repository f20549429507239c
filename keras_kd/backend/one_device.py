"""Constants of backends whose steps see the whole batch: no replicas."""

import contextlib

import keras


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
        function: Of tensors whose first axis is the batch.

    Returns:
        A function that computes the same, of tensors or arrays.
    """
    return lambda *inputs: function(*map(keras.ops.convert_to_tensor, inputs))
