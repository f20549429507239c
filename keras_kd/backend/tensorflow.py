"""The training step on TensorFlow."""

import contextlib
import functools
import re
from typing import Any

import keras
import tensorflow as tf

# What this backend takes from elsewhere is part of what it offers.
from keras.ops import cond as cond

from keras_kd.backend import neutral
from keras_kd.backend import replicated_steps
from keras_kd.backend.first_batch import FirstBatch as FirstBatch
from keras_kd.backend.neutral import attributes as attributes
from keras_kd.backend.neutral import buffers as buffers
from keras_kd.backend.neutral import (
    copy_weight_decay_exclusions as copy_weight_decay_exclusions,
)
from keras_kd.backend.neutral import has_float64 as has_float64
from keras_kd.backend.neutral import is_recorded as is_recorded
from keras_kd.backend.passes import read_only as read_only
from keras_kd.backend.passes import unchanged as unchanged
from keras_kd.backend.tensorflow_functions import after as after
from keras_kd.backend.tensorflow_functions import all_rows as all_rows
from keras_kd.backend.tensorflow_functions import all_sum as all_sum
from keras_kd.backend.tensorflow_functions import assign as assign
from keras_kd.backend.tensorflow_functions import check_finite as check_finite
from keras_kd.backend.tensorflow_functions import check_labels as check_labels
from keras_kd.backend.tensorflow_functions import compiled as compiled
from keras_kd.backend.tensorflow_functions import (
    compiled_by_shape as compiled_by_shape,
)
from keras_kd.backend.tensorflow_functions import in_place
from keras_kd.backend.tensorflow_functions import (
    input_gradients as input_gradients,
)
from keras_kd.backend.tensorflow_functions import is_in_reach as is_in_reach
from keras_kd.backend.tensorflow_functions import is_tracing as is_tracing
from keras_kd.backend.tensorflow_functions import num_replicas as num_replicas
from keras_kd.backend.tensorflow_functions import put as put
from keras_kd.backend.tensorflow_functions import replica_id as replica_id
from keras_kd.backend.tensorflow_graph import read as read
from keras_kd.backend.tensorflow_replicas import gather_ints as gather_ints
from keras_kd.backend.tensorflow_replicas import is_in_scope as is_in_scope
from keras_kd.backend.tensorflow_replicas import is_scope_name as is_scope_name
from keras_kd.backend.tensorflow_replicas import replicas_of as replicas_of
from keras_kd.backend.tensorflow_replicas import scope_of as scope_of


def _plainly(function):
    """The same function, which shows what it refuses without the graph."""

    @functools.wraps(function, updated=())
    def run(*args):
        try:
            return function(*args)
        except tf.errors.InvalidArgumentError as error:
            plain = _plain(str(error))
            if plain is None:
                raise
            raise tf.errors.InvalidArgumentError(None, None, plain) from None

    return run


def _plain(error):
    """The sentence in an error of a graph, `None` if there is none of ours."""
    found = re.search(
        r"^(.*Received:) : Tensor had (.*) values", error, re.MULTILINE
    )
    if found:
        return f"{found[1]} {found[2]}."
    found = re.search(r"a label value of (\S+) .* of \[0, (\d+)\)", error)
    if found:
        return neutral.strange_labels(int(found[2]), found[1])
    return None


class Trainer:
    """`train_step` and `test_step` of a Distiller or a MutualDistiller.

    The class it is mixed into, before `keras.Model`, has in `_parts` what
    makes a `Step` of each batch, in backend-neutral code. The step says in
    which order its methods are to be called.

    The names of Keras 3.15 that are replaced here are public, but for
    `_maybe_symbolic_build`, the `_symbolic_build` in it, and
    `_compile_metrics`. For several replicas see `replicated_steps`.
    """

    def compile(self, optimizer="rmsprop", *args, **kwargs):
        """See Keras.

        Raises:
            ValueError: If several replicas cannot run what is asked for.
        """
        optimizer = keras.optimizers.get(optimizer)
        replicas = replicas_of(self)
        if replicas > 1:
            replicated_steps.check_optimizer(optimizer, replicas)
        super().compile(optimizer, *args, **kwargs)
        self._has_seen_batch = False
        if replicas > 1 and self.jit_compile:
            raise ValueError(
                '`jit_compile` must be "auto" or False on several replicas, '
                "since XLA does not reach what another device holds. Received: "
                f"jit_compile=True and {replicas} replicas. Leave it out."
            )

    def make_train_function(self, force: bool = False) -> Any:
        """See Keras; `fit` calls it, and each `train_on_batch`."""
        is_new = self.train_function is None or force
        self._parts.before_training(self, is_new)
        if not is_new:
            return
        if self._is_alone():
            super().make_train_function(force)
            function = self.train_function
        else:
            function = replicated_steps.function(self, self.train_step)
        self.train_function = _plainly(function)

    def make_test_function(self, force: bool = False) -> Any:
        """See Keras; `evaluate` calls it."""
        self._parts.before_evaluation(self)
        if self.test_function is not None and not force:
            return
        if self._is_alone():
            super().make_test_function(force)
            function = self.test_function
        else:
            function = replicated_steps.function(self, self.test_step)
        self.test_function = _plainly(function)

    def make_predict_function(self, force: bool = False) -> Any:
        """See Keras; `predict` calls it."""
        if self._is_alone():
            return super().make_predict_function(force)
        if self.predict_function is None or force:
            self.predict_function = replicated_steps.predict_function(self)
        return self.predict_function

    def predict_on_batch(self, x: Any) -> Any:
        """See Keras."""
        if self._is_alone():
            return super().predict_on_batch(x)
        # Each replica would get all of it, and its answers come twice.
        return keras.tree.map_structure(
            keras.ops.convert_to_numpy, self.predict_step((x,))
        )

    def _is_alone(self):
        """Whether one replica trains it, with the functions of Keras."""
        return self.distribute_strategy.num_replicas_in_sync == 1

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras builds metrics before the first step under a strategy, with the
        # mean of the replicas' batches: that fails if they differ in size. The
        # first replica's batch shows the same shapes.
        if self._is_alone():
            self._build_metrics_late(iterator, data_batch)
            return super()._maybe_symbolic_build(iterator, data_batch)
        if self._has_seen_batch:
            return None
        data_batch = neutral.first_batch(iterator, data_batch)
        strategy = self.distribute_strategy
        with strategy.scope():
            self._symbolic_build(
                data_batch=strategy.experimental_local_results(data_batch)[0]
            )
        self._has_seen_batch = True
        return None

    def _build_metrics_late(self, iterator, data_batch):
        """Lets labels come after data without any.

        Metrics of labels make their variables when they see the first, which
        is only allowed in the first call of a function.
        """
        functions = self.train_function, self.test_function
        metrics = self._compile_metrics
        if functions == (None, None) or metrics is None or metrics.built:
            return
        data_batch = neutral.first_batch(iterator, data_batch)
        if neutral.has_labels(data_batch):
            self._symbolic_build(data_batch=data_batch)

    @in_place
    def train_step(self, data: Any) -> dict[str, Any]:
        """Updates the students, and the weights of the losses, on a batch."""
        # The teacher runs here, outside of the tapes, which would keep every
        # activation of it.
        step = self._parts.step(self, data, training=True)
        learners = step.learners()
        # One tape for each: what the others do is not recorded on it.
        tapes = [tf.GradientTape() for _ in learners]
        for index, tape in enumerate(tapes):
            with tape:
                step.predictions[index] = step.predict(index)
        for index, tape in enumerate(tapes):
            optimizer, variables = learners[index]
            step.prepare(index)
            with tape:
                total = step.compare(index)
                scaled = optimizer.scale_loss(total)
            gradients = tape.gradient(scaled, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            step.updated(index)
        return step.report()

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluates a batch; changes nothing but the metrics."""
        step = self._parts.step(self, data, training=False)
        for index in range(step.count):
            step.predictions[index] = step.predict(index)
        for index in range(step.count):
            step.prepare(index)
            step.compare(index)
        return step.report()

    @_plainly
    def gradient_step(self, data: Any) -> tuple[Any, Any]:
        """Evaluates a batch, and differentiates each term of the loss.

        Nothing is changed, metrics included.

        Args:
            data: The batch, as a step gets it.

        Returns:
            `(output, penalties, norms)`: the output of the one teacher, or
            `None`; and for each student a list of its regularisation, and a
            dict from the name of a term to the norm of its gradient by the
            student's weights: a scalar, without the term's weight and scaled as
            the optimizer does, or `None` if the term does not depend on them.
        """
        # As values, which are at hand outside of replicas too; and Keras 3.15
        # regularises what a scope does not name as `None`.
        values = [
            (variable, tf.convert_to_tensor(variable.value))
            for variable in self.trainable_variables
        ]
        value_of = {id(variable): value for variable, value in values}
        norms = []
        with keras.StatelessScope(values, initialize_variables=False):
            step = self._parts.step(self, data, training=False)
            learners = step.learners()
            tapes = [tf.GradientTape(persistent=True) for _ in learners]
            for index, tape in enumerate(tapes):
                with tape:
                    tape.watch([value for _, value in values])
                    step.predictions[index] = step.predict(index)
            for index, tape in enumerate(tapes):
                optimizer, _ = learners[index]
                step.prepare(index)
                with tape:
                    step.compare(index)
                    terms, _ = step.terms[index]
                    scaled = {
                        name: optimizer.scale_loss(term)
                        for name, term in terms.items()
                    }
                student = step.student(index)
                sources = [value_of[id(v)] for v in student.trainable_variables]
                norms.append(
                    {
                        name: _norm(tape.gradient(term, sources))
                        for name, term in scaled.items()
                    }
                )
        penalties = [found for _, found in step.terms]
        return step.teacher_output, penalties, norms


def _norm(gradients):
    """Norm of several gradients; `None` if all are."""
    found = [g for g in gradients if g is not None]
    return tf.linalg.global_norm(found) if found else None


# A graph of TensorFlow shows itself.
watching = contextlib.nullcontext
