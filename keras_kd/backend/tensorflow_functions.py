"""Compiled functions on TensorFlow."""

import tensorflow as tf


def compiled(function):
    """Compiles a function of tensors, for calls in a loop.

    Args:
        function: Of tensors whose first axis is the batch. Called once, with
            tensors of unknown batch size, to be recorded.

    Returns:
        A function that computes the same, of tensors or arrays: of any batch
        size, otherwise always of the shapes and types of its first call.
    """
    recorded = []

    def run(*inputs):
        tensors = [tf.convert_to_tensor(x) for x in inputs]
        if not recorded:
            specs = [
                tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in tensors
            ]
            # As Keras 3.15 compiles a step: what a model does is not rewritten.
            compiling = tf.function(function, autograph=False)
            # Not to be called itself: it would complain of a loop when many
            # models are compiled one after another.
            recorded.append(compiling.get_concrete_function(*specs))
        return recorded[0](*tensors)

    return run
