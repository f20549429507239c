"""Gradients of the loss of a student, and of its terms, on JAX."""

import functools

import jax
from jax import numpy as jnp

from keras_kd.backend import graph
from keras_kd.backend.jax_distribution import Values
from keras_kd.backend.jax_graph import read
from keras_kd.backend.jax_scopes import Parts
from keras_kd.backend.jax_scopes import Scope


def predict(scope, step, index, variables):
    """Runs a student, and records how its outputs depend on variables.

    Returns:
        `(prediction, pullback)`: a `ForwardPass`, and a function from the
        gradients by its real tensors to a tuple of those by the variables.
    """

    def run(values):
        with Scope(scope) as inner:
            inner.hold(variables, values)
            parts = Parts(step.predict(index))
            seen.update(inner=inner, parts=parts)
            return parts.real(), (parts.others(), inner.changes())

    seen = {}
    real, pullback, (others, changes) = jax.vjp(
        run, scope.values_of(variables), has_aux=True
    )
    scope.take_over(seen["inner"], changes)
    return seen["parts"].joined(real, others), pullback


def gradients(scope, step, index, learner, pullback):
    """Gradients of the loss of a student by the variables of its learner."""
    optimizer, variables = learner
    prediction = step.predictions[index]
    parts = Parts(prediction)

    def total(real, values):
        with Scope(scope) as inner:
            inner.hold(variables, values)
            step.predictions[index] = parts.joined(real, parts.others())
            scaled = optimizer.scale_loss(step.compare(index))
            seen.append(inner)
            return scaled, inner.changes()

    seen = []
    (by_outputs, by_values), changes = jax.grad(
        total, argnums=(0, 1), has_aux=True
    )(parts.real(), scope.values_of(variables))
    scope.take_over(seen[0], changes)
    step.predictions[index] = prediction
    (through_outputs,) = pullback(by_outputs)
    return list(map(jnp.add, through_outputs, by_values))


def gradient_step(model, data):
    """Evaluates a batch, and differentiates each term of the loss.

    Nothing is changed, metrics included.

    Args:
        model: A Distiller or a MutualDistiller, whose method it is.
        data: The batch, as a step gets it.

    Returns:
        `(output, penalties, norms)`: the output of the one teacher, or
        `None`; and for each student a list of its regularisation, and a
        dict from the name of a term to the norm of its gradient by the
        student's weights: a scalar, without the term's weight and scaled as
        the optimizer does, or `None` if the term does not depend on them.
    """
    outside = model._parts.outside(model)
    variables = [*model.variables, *(v for group in outside for v in group)]
    seen = {}

    # It runs once: to compile takes longer.
    @functools.partial(
        jax.jit, compiler_options={"xla_backend_optimization_level": 0}
    )
    def run(values, data):
        with Scope() as scope:
            scope.hold(variables, values)
            step = model._parts.step(model, data, training=False)
            pullbacks = []
            for index in range(step.count):
                by = step.student(index).trainable_variables
                prediction, pullback = predict(scope, step, index, by)
                step.predictions[index] = prediction
                pullbacks.append(pullback)
            found = []
            for index, (optimizer, _) in enumerate(step.learners()):
                step.prepare(index)
                found.append(
                    _norms(scope, step, index, optimizer, pullbacks[index])
                )
        seen["output"] = output = Parts(step.teacher_output)
        seen["is_reached"] = [is_reached for _, is_reached in found]
        penalties = [penalties for _, penalties in step.terms]
        sizes = [of_student for of_student, _ in found]
        return output.real(), output.others(), penalties, sizes

    *output, penalties, sizes = run(Values(variables)(), data)
    reached = [
        {name: size if of[name] else None for name, size in one.items()}
        for one, of in zip(sizes, seen["is_reached"], strict=True)
    ]
    return seen["output"].joined(*output), penalties, reached


def _norms(scope, step, index, optimizer, pullback):
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
