"""Models of TensorFlow and the replicas that train them."""

import re

import tensorflow as tf

from keras_kd.backend.tensorflow_functions import num_replicas

# Padding in `gather_ints`, since `gather` needs equal lengths.
_NONE = -1


def replicas_of(model):
    """Number of replicas that train a model."""
    return model.distribute_strategy.num_replicas_in_sync


def scope_of(model):
    """The scope in which what belongs to a model is made."""
    return model.distribute_strategy.scope()


def is_in_scope(variables):
    """Whether variables were made in the scope of the current strategy."""
    if not tf.distribute.has_strategy():
        return not any(
            isinstance(v.value, tf.distribute.DistributedValues)
            for v in variables
        )
    extended = tf.distribute.get_strategy().extended
    return num_replicas() == 1 or all(
        extended.variable_created_in_scope(v.value) for v in variables
    )


def is_scope_name(name):
    """Whether a graph can have a scope of this name.

    Keras 3.15 leaves the scope open if TensorFlow rejects its name, and all
    that is made in the process later fails.
    """
    return re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", name) is not None


def gather_ints(model, numbers, count):
    """Collects some numbers of all workers. All of them must call it.

    Args:
        model: The `keras.Model` that they train.
        numbers: Integers >= 0 of this worker, at most `count`.
        count: Most numbers of a worker.

    Returns:
        List of lists of integers, one for each replica.
    """
    strategy = model.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return [list(numbers)]
    mine = [_NONE] * (count - len(numbers)) + list(numbers)

    @tf.function
    def told():
        numbers = strategy.run(lambda: tf.constant([mine], "int32"))
        return strategy.gather(numbers, axis=0)

    return [
        [number for number in row if number != _NONE]
        for row in told().numpy().tolist()
    ]
