"""The training step on JAX."""

import contextlib
import functools

import keras

# What this backend takes from elsewhere is part of what it offers.
from keras.ops import cond as cond

from keras_kd.backend import jax_distribution
from keras_kd.backend.jax_distribution import is_in_scope as is_in_scope
from keras_kd.backend.jax_functions import check_finite as check_finite
from keras_kd.backend.jax_functions import check_labels as check_labels
from keras_kd.backend.jax_functions import has_float64 as has_float64
from keras_kd.backend.jax_functions import input_gradients as input_gradients
from keras_kd.backend.jax_functions import is_in_reach as is_in_reach
from keras_kd.backend.jax_functions import is_tracing as is_tracing
from keras_kd.backend.jax_gradients import gradient_step
from keras_kd.backend.jax_gradients import gradients
from keras_kd.backend.jax_gradients import predict
from keras_kd.backend.jax_graph import read as read
from keras_kd.backend.jax_scopes import Failures
from keras_kd.backend.jax_scopes import Scope
from keras_kd.backend.jax_scopes import compiled as compiled
from keras_kd.backend.jax_scopes import compiled as compiled_by_shape  # noqa: F401
from keras_kd.backend.jax_scopes import read_only as read_only
from keras_kd.backend.jax_scopes import unchanged as unchanged
from keras_kd.backend.neutral import after as after
from keras_kd.backend.neutral import attributes as attributes
from keras_kd.backend.neutral import buffers as buffers
from keras_kd.backend.neutral import (
    copy_weight_decay_exclusions as copy_weight_decay_exclusions,
)
from keras_kd.backend.neutral import is_recorded as is_recorded
from keras_kd.backend.neutral import put as put
from keras_kd.backend.one_device import FirstBatch as FirstBatch
from keras_kd.backend.one_device import OneDeviceSteps
from keras_kd.backend.one_device import all_rows as all_rows
from keras_kd.backend.one_device import all_sum as all_sum
from keras_kd.backend.one_device import assign as assign
from keras_kd.backend.one_device import gather_ints as gather_ints
from keras_kd.backend.one_device import is_scope_name as is_scope_name
from keras_kd.backend.one_device import num_replicas as num_replicas
from keras_kd.backend.one_device import replica_id as replica_id
from keras_kd.backend.one_device import replicas_of as replicas_of
from keras_kd.backend.one_device import scope_of as scope_of

# A graph of JAX shows itself.
watching = contextlib.nullcontext


class Trainer(jax_distribution.PlainErrors, OneDeviceSteps):
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
        is_new = self.train_function is None or force
        if is_new:
            self._take_in_seeds()
            self._check_scaled()
        super().make_train_function(force)
        if is_new:
            self.train_function = self._with_teacher(self.train_function)

    def make_test_function(self, force=False):
        """See Keras; `evaluate` calls it."""
        is_new = self.test_function is None or force
        if is_new:
            self._take_in_seeds()
        super().make_test_function(force)
        if is_new:
            self.test_function = self._with_teacher(self.test_function)

    def _check_scaled(self):
        """Validates that no peer but the first scales its loss.

        The others have the learning rate of the first, which Keras 3.15 does
        not find where it keeps an optimizer's own variables alone.
        """
        for one in getattr(self, "optimizers", ())[1:]:
            if isinstance(one, keras.optimizers.LossScaleOptimizer):
                raise ValueError(
                    "`peers` must not compute in float16 on JAX, since each "
                    "scales its loss by an optimizer that shares a learning "
                    "rate. Received: peers with a LossScaleOptimizer. Make "
                    'them of "mixed_bfloat16" or float32.'
                )

    def _take_in_seeds(self):
        # Of a teacher that was made before the distribution was set.
        _, changed = self._parts.outside(self)
        jax_distribution.take_in(changed)

    def _with_teacher(self, function):
        """Adds the values of the teacher's weights to each batch."""
        variables, _ = self._parts.outside(self)
        values_of_now = jax_distribution.Values(variables)

        def run(state, iterator):
            values = values_of_now()
            try:
                result = function(state, ((values, data) for data in iterator))
            except BaseException:
                self._give_back(state)
                raise
            self._failures.may_have_new = True
            return result

        return run

    def _groups(self, has_optimizer):
        """The variables of the state of a step, in its order."""
        return [
            self.trainable_variables,
            self.non_trainable_variables,
            *([self.optimizer.variables] if has_optimizer else []),
            self.metrics_variables,
        ]

    def _give_back(self, state):
        """Gives variables the values that a step failed with.

        Keras 3.15 takes them out for an epoch, and puts in what the last step
        returned: if the first one fails, the model has no weights.
        """
        groups = self._groups(has_optimizer=len(state) == 4)
        for variables, values in zip(groups, state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                if not value.is_deleted():
                    variable.assign(value)

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
        groups = self._groups(has_optimizer=True)
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
                _apply(scope, optimizer, found, variables)
                step.updated(index)
            logs = step.report()
            self._failures.note(scope.failures)
        return logs, tuple(map(scope.values_of, groups))

    def test_step(self, state, data):
        """Evaluates a batch; changes nothing but the metrics."""
        values, data = data
        groups = self._groups(has_optimizer=False)
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


def _apply(scope, optimizer, gradients, variables):
    """Updates the variables of a learner, and those of its optimizer."""
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.apply(gradients, variables)
        return
    # In place, it would assign in a condition, which no tensor leaves.
    values = optimizer.stateless_apply(
        scope.values_of(optimizer.variables),
        gradients,
        scope.values_of(variables),
    )
    for group, new in zip(
        (variables, optimizer.variables), values, strict=True
    ):
        for variable, value in zip(group, new, strict=True):
            variable.assign(value)
