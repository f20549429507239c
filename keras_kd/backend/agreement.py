"""Gathers values from several workers, on TensorFlow."""

import tensorflow as tf

# Padding, since `gather` needs equal lengths.
_NONE = -1


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
