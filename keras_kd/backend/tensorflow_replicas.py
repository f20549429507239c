"""Replicas of TensorFlow, and what they tell each other in a step."""

import tensorflow as tf

# Padding in `gather_ints`, since `gather` needs equal lengths.
_NONE = -1


def num_replicas():
    """Number of replicas that take part in a step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replicas_of(model):
    """Number of replicas that train a model."""
    return model.distribute_strategy.num_replicas_in_sync


def scope_of(model):
    """The scope in which what belongs to a model is made."""
    return model.distribute_strategy.scope()


def replica_id():
    """Number of this replica, from 0, inside a step; 0 outside of one."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


def all_sum(value):
    """Sums a tensor over the replicas, inside a step."""
    context = tf.distribute.get_replica_context()
    if context is None or num_replicas() == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def all_rows(tensor):
    """Joins the rows of a tensor on all replicas, inside a step.

    The gradient by a row is the sum of those of all replicas: of what each
    computes of all rows, it counts the share of one.

    Args:
        tensor: Of any dtype. Replicas may have different numbers of rows, also
            none.

    Returns:
        A tensor of all rows, in the order of the replicas.
    """
    count = num_replicas()
    if tf.distribute.get_replica_context() is None or count == 1:
        return tensor
    # A sum of padded rows, since to gather takes a new graph each time in a
    # step without one.
    rows = tf.shape(tensor)[0]
    numbers = all_sum(tf.one_hot(replica_id(), count, rows, 0))
    before = tf.cumsum(numbers, exclusive=True)[replica_id()]
    after = tf.reduce_sum(numbers) - before - rows
    padding = [[before, after], *[[0, 0]] * (len(tensor.shape) - 1)]
    is_sent = tensor.dtype.is_floating or tensor.dtype in (tf.int32, tf.int64)
    sent = tensor if is_sent else tf.cast(tensor, tf.int64)
    return tf.cast(all_sum(tf.pad(sent, padding)), tensor.dtype)


def assign(pairs):
    """Assigns variables inside a step, on all replicas.

    Args:
        pairs: Variables, each with its new value, equal on all replicas.
    """
    context = tf.distribute.get_replica_context()
    if context is None or num_replicas() == 1:
        for variable, value in pairs:
            variable.assign(value)
        return

    def update(strategy, values):
        for (variable, _), value in zip(pairs, values, strict=True):
            strategy.extended.update(
                variable.value, lambda v, new: v.assign(new), args=(value,)
            )

    # A mirrored variable says nothing of how to join what replicas assign.
    context.merge_call(update, args=([value for _, value in pairs],))


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
