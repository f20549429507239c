"""Functions of tensors, and gradients of terms, on JAX."""

import jax
import keras
from jax import numpy as jnp

from keras_kd.backend import graph
from keras_kd.backend.jax_graph import read
from keras_kd.backend.jax_scopes import Parts
from keras_kd.backend.jax_scopes import Scope
from keras_kd.backend.jax_scopes import current


def norms(scope, step, index, optimizer, pullback):
    """Compares a student, and differentiates each term of its loss.

    Args:
        scope: The `Scope` of the step.
        step: The `Step`, whose students have predicted.
        index: Which student.
        optimizer: That of the student.
        pullback: From the gradients by the real tensors of its prediction to a
            tuple of those by its trainable variables.

    Returns:
        `(norms, is_reached)`, two dicts by the names of the terms: scalars, and
        whether the term depends on a trainable variable at all.
    """
    variables = step.student(index).trainable_variables
    prediction = step.predictions[index]
    parts = Parts(prediction)

    def compare(real, values):
        with Scope(scope) as inner:
            inner.hold(variables, values)
            step.predictions[index] = parts.joined(real, parts.others())
            step.compare(index)
            terms, penalties = step.terms.pop()
            scaled = {n: optimizer.scale_loss(t) for n, t in terms.items()}
            return scaled, (terms, penalties)

    def reach(values):
        """Whether each term depends on a value: no gradient tells it from 0."""
        with Scope(scope) as inner:
            inner.hold(variables, values)
            real = Parts(step.predict(index)).real()
        scaled, _ = compare(real, values)
        known = {read(value) for value in values}
        for name, term in scaled.items():
            is_reached[name] = not known.isdisjoint(
                graph.ancestors([term], read)
            )

    values = scope.values_of(variables)
    scaled, pull, found = jax.vjp(compare, parts.real(), values, has_aux=True)
    is_reached = {}
    jax.eval_shape(reach, values)
    step.predictions[index] = prediction
    step.terms.append(found)
    found = {name: _norm(scaled, name, pull, pullback) for name in scaled}
    return found, is_reached


def _norm(scaled, name, pull, pullback):
    """Norm of the gradient of one term, through the outputs and beside."""
    by_outputs, by_values = pull(
        {n: jnp.ones_like(t) * (n == name) for n, t in scaled.items()}
    )
    (through_outputs,) = pullback(by_outputs)
    pairs = zip(through_outputs, by_values, strict=True)
    return jnp.sqrt(sum(jnp.sum(jnp.square(a + b)) for a, b in pairs))


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


def compiled(function, variables=()):
    """Compiles a function of tensors, for calls in a loop.

    Args:
        function: Of structures of tensors.
        variables: All that it changes, and what it reads and others change:
            other values are those of its first call. Defaults to none.

    Returns:
        A function that computes the same, of tensors or arrays.
    """
    changed = []

    @jax.jit
    def run(values, inputs):
        with Scope() as scope:
            scope.hold(variables, values)
            result = function(*inputs)
            new, _ = scope.changes()
        changed[:] = [v for v in variables if id(v) in new]
        return result, [new[id(v)] for v in changed]

    def call(*inputs):
        convert = keras.ops.convert_to_tensor
        values = [variable.value for variable in variables]
        result, new = run(values, keras.tree.map_structure(convert, inputs))
        for variable, value in zip(changed, new, strict=True):
            variable.assign(value)
        return result

    return call
