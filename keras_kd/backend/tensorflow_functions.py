"""Functions of tensors on TensorFlow."""

import keras
import tensorflow as tf


def input_gradients(function, x, objectives):
    """Runs a function of the input and differentiates by the input.

    Args:
        function: Of `x`.
        x: Structure of tensors.
        objectives: Dict from a name to a function of what `function` returns
            that returns one value per example.

    Returns:
        `(result, gradients)`: what `function` returned, and a dict from each
        name to the gradient of its values, of the structure and shape of `x`,
        zeros for integers. The gradients can be differentiated again.
    """
    x = tf.nest.map_structure(tf.convert_to_tensor, x)
    watched = [t for t in tf.nest.flatten(x) if t.dtype.is_floating]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(watched)
        result = function(x)
        totals = {
            name: tf.reduce_sum(objective(result))
            for name, objective in objectives.items()
        }
    gradients = {}
    for name, total in totals.items():
        found = iter(
            tape.gradient(
                total,
                watched,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        )
        gradients[name] = tf.nest.map_structure(
            lambda t, found=found: (
                next(found)
                if t.dtype.is_floating
                else tf.zeros_like(t, keras.config.floatx())
            ),
            x,
        )
    return result, gradients


def compiled_by_shape(function, variables=()):
    """Compiles a function of tensors, once for each shape.

    Args:
        function: Of a structure of tensors.
        variables: See `compiled`.
    """
    return tf.function(function, reduce_retracing=False)


def compiled(function, variables=()):
    """Compiles a function of tensors, for calls in a loop.

    Args:
        function: Of structures of tensors whose first axis is the batch. Called
            once, with tensors of unknown batch size, to be recorded.
        variables: What JAX must be told: all that it changes, and what it reads
            and others change. Defaults to none.

    Returns:
        A function that computes the same, of tensors or arrays: of any batch
        size, otherwise always of the shapes and types of its first call.
    """
    recorded = []

    def run(*inputs):
        tensors = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        if not recorded:
            specs = tf.nest.map_structure(
                lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), tensors
            )
            # As Keras 3.15 compiles a step: what a model does is not rewritten.
            compiling = tf.function(function, autograph=False)
            # Not to be called itself: it would complain of a loop when many
            # models are compiled one after another.
            recorded.append(compiling.get_concrete_function(*specs))
        return recorded[0](*tensors)

    return run
