"""Checks and gradients on JAX, in a step and outside of one."""

import jax
import keras
from jax import numpy as jnp

from keras_kd.backend.jax_scopes import Parts
from keras_kd.backend.jax_scopes import Scope
from keras_kd.backend.jax_scopes import current


def is_tracing():
    """Whether a step runs, whose tensors may have no values yet."""
    return current() is not None


def is_in_reach(tensor, output):
    """Whether a tensor can be used where `output` can.

    It cannot if it was made in a loop or a condition that `output` left.
    """
    if getattr(tensor, "_trace", None) is getattr(output, "_trace", None):
        return True
    try:
        # One may depend on what is differentiated, and the other not.
        return (tensor + 0) is not None
    except jax.errors.UnexpectedTracerError:
        return False


def check_finite(tensor, message, allows_minus_infinity=False):
    """Returns the tensor; notes whether it has nan or infinity.

    The `Trainer` fails with the message at the end of the epoch at the latest.

    Args:
        tensor: Real numbers.
        message: Beginning of the error.
        allows_minus_infinity: Whether -inf is let through.
    """
    is_bad = jnp.isnan(tensor) | jnp.isposinf(tensor)
    if not allows_minus_infinity:
        is_bad = ~jnp.isfinite(tensor)
    _check(is_bad, f"{message} nan or infinity.")
    return tensor


def check_labels(is_strange, message):
    """Notes whether any of some booleans is true; see `check_finite`."""
    _check(is_strange, message)


def _check(is_bad, message):
    """Notes a failure in a step, and fails at once outside of one."""
    scope = current()
    if scope is not None:
        scope.failures.append((message, jnp.any(is_bad)))
    elif not isinstance(is_bad, jax.core.Tracer) and jnp.any(is_bad):
        raise ValueError(message)


def has_float64():
    """Whether numbers may have 64 bits, which is an option of JAX."""
    return jax.config.jax_enable_x64


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
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    given = Parts(x)
    outer = current()

    def run(real):
        with Scope(outer) as inner:
            result = function(given.joined(real, given.others()))
            totals = [jnp.sum(one(result)) for one in objectives.values()]
            parts = Parts(result)
            seen.update(inner=inner, parts=parts)
            found = parts.real(), parts.others(), inner.changes()
        return totals, found

    seen = {}
    totals, pullback, (real, others, changes) = jax.vjp(
        run, given.real(), has_aux=True
    )
    if outer is not None:
        outer.take_over(seen["inner"], changes)
    zeros = [jnp.zeros(t.shape, keras.config.floatx()) for t in given.others()]
    gradients = {}
    for place, name in enumerate(objectives):
        (by_x,) = pullback(
            [jnp.ones_like(t) * (i == place) for i, t in enumerate(totals)]
        )
        gradients[name] = given.joined(by_x, zeros)
    return seen["parts"].joined(real, others), gradients
