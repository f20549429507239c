"""Compiled functions on TensorFlow."""

import tensorflow as tf


def compiled(function):
    """Compiles a function of tensors, for calls in a loop.

    Args:
        function: Of tensors, whose first axis may have any length.

    Returns:
        A function that computes the same.
    """
    return tf.function(function, reduce_retracing=True)
