"""The training step on JAX."""

import contextlib
import functools

import jax
import keras
from jax import numpy as jnp

# What this backend takes from elsewhere is part of what it offers.
from keras_kd.backend.jax_gradients import gradient_step
from keras_kd.backend.jax_gradients import gradients
from keras_kd.backend.jax_gradients import predict
from keras_kd.backend.jax_graph import read as read
from keras_kd.backend.jax_scopes import Failures
from keras_kd.backend.jax_scopes import Parts
from keras_kd.backend.jax_scopes import Scope
from keras_kd.backend.jax_scopes import assigned as assigned
from keras_kd.backend.jax_scopes import compiled as compiled
from keras_kd.backend.jax_scopes import compiled as compiled_by_shape  # noqa: F401
from keras_kd.backend.jax_scopes import current
from keras_kd.backend.jax_scopes import read_only as read_only
from keras_kd.backend.neutral import attributes as attributes
from keras_kd.backend.neutral import (
    copy_weight_decay_exclusions as copy_weight_decay_exclusions,
)
from keras_kd.backend.one_device import FirstBatch as FirstBatch
from keras_kd.backend.one_device import OneDeviceSteps
from keras_kd.backend.one_device import all_rows as all_rows
from keras_kd.backend.one_device import all_sum as all_sum
from keras_kd.backend.one_device import assign as assign
from keras_kd.backend.one_device import gather_ints as gather_ints
from keras_kd.backend.one_device import is_in_scope as is_in_scope
from keras_kd.backend.one_device import is_scope_name as is_scope_name
from keras_kd.backend.one_device import num_replicas as num_replicas
from keras_kd.backend.one_device import replica_id as replica_id
from keras_kd.backend.one_device import replicas_of as replicas_of
from keras_kd.backend.one_device import scope_of as scope_of

# A graph of JAX shows itself.
watching = contextlib.nullcontext


class Trainer(OneDeviceSteps):
    """`train_step` and `test_step` of a Distiller or a MutualDistiller.

    The class it is mixed into, before `keras.Model`, has in `_parts` what
    makes a `Step` of each batch, in backend-neutral code. The step says in
    which order its methods are to be called.

    A step runs in a `Scope`, with the values of all variables as arguments of
    the compiled function. Those of the teacher come with each batch: they are
    no part of the state, which Keras donates and takes from the variables for
    the time of an epoch.
    """

    @functools.cached_property
    def _failures(self):
        # Not assigned by `__setattr__`, by which Keras would save it.
        return Failures()

    @property
    def non_trainable_variables(self):
        """Those of Keras, and what else a step changes."""
        found = list(super().non_trainable_variables)
        if "_parts" in vars(self) and self.compiled:
            _, changed = self._parts.outside(self)
            found += [*changed, self._failures.first]
        return found

    def make_train_function(self, force=False):
        """See Keras; `fit` calls it."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = self._with_teacher(self.train_function)

    def make_test_function(self, force=False):
        """See Keras; `evaluate` calls it."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._with_teacher(self.test_function)

    def _with_teacher(self, function):
        """Adds the values of the teacher's weights to each batch."""
        variables, _ = self._parts.outside(self)

        def run(state, iterator):
            values = [variable.value for variable in variables]
            result = function(state, ((values, data) for data in iterator))
            self._failures.may_have_new = True
            return result

        return run

    def _scope(self, groups, state, values):
        """The scope of a step, with all variables that it uses."""
        scope = Scope()
        for variables, given in zip(groups, state, strict=True):
            scope.hold(variables, given)
        read, _ = self._parts.outside(self)
        scope.hold(read, values)
        return scope

    def train_step(self, state, data):
        """Updates the students, and the weights of the losses, on a batch."""
        values, data = data
        groups = [
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        ]
        with self._scope(groups, state, values) as scope:
            step = self._parts.step(self, data, training=True)
            learners = step.learners()
            pullbacks = []
            for index, (_, variables) in enumerate(learners):
                prediction, pullback = predict(scope, step, index, variables)
                step.predictions[index] = prediction
                pullbacks.append(pullback)
            for index, (optimizer, variables) in enumerate(learners):
                step.prepare(index)
                found = gradients(
                    scope, step, index, learners[index], pullbacks[index]
                )
                optimizer.apply(found, variables)
                step.updated(index)
            logs = step.report()
            self._failures.note(scope.failures)
        return logs, tuple(map(scope.values_of, groups))

    def test_step(self, state, data):
        """Evaluates a batch; changes nothing but the metrics."""
        values, data = data
        groups = [
            self.trainable_variables,
            self.non_trainable_variables,
            self.metrics_variables,
        ]
        with self._scope(groups, state, values) as scope:
            step = self._parts.step(self, data, training=False)
            for index in range(step.count):
                step.predictions[index] = step.predict(index)
            for index in range(step.count):
                step.prepare(index)
                step.compare(index)
            logs = step.report()
            self._failures.note(scope.failures)
        return logs, tuple(map(scope.values_of, groups))

    gradient_step = gradient_step

    def jax_state_sync(self):
        """Gives the variables the values of the last step.

        Keras calls it at the end of an epoch, or when a callback asks for the
        model.

        Raises:
            ValueError: If a teacher gave nan or infinity since the last call.
        """
        super().jax_state_sync()
        self._failures.raise_new()


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
    scope = current()
    if scope is not None:
        scope.failures.append((message, jnp.any(is_bad)))
    elif not isinstance(is_bad, jax.core.Tracer) and jnp.any(is_bad):
        raise ValueError(f"{message} nan or infinity.")
    return tensor


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
