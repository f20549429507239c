"""The training step on TensorFlow."""

import contextlib
import re
from typing import Any

import keras
import tensorflow as tf

# What this backend takes from elsewhere is part of what it offers.
from keras_kd.backend import neutral
from keras_kd.backend.first_batch import FirstBatch as FirstBatch
from keras_kd.backend.neutral import assigned as assigned
from keras_kd.backend.neutral import attributes as attributes
from keras_kd.backend.neutral import buffers as buffers
from keras_kd.backend.neutral import (
    copy_weight_decay_exclusions as copy_weight_decay_exclusions,
)
from keras_kd.backend.neutral import has_float64 as has_float64
from keras_kd.backend.neutral import read_only as read_only
from keras_kd.backend.plain_errors import PlainErrors
from keras_kd.backend.replicated_steps import ReplicatedSteps
from keras_kd.backend.tensorflow_functions import compiled as compiled
from keras_kd.backend.tensorflow_functions import (
    compiled_by_shape as compiled_by_shape,
)
from keras_kd.backend.tensorflow_functions import (
    input_gradients as input_gradients,
)
from keras_kd.backend.tensorflow_graph import read as read
from keras_kd.backend.tensorflow_replicas import all_rows as all_rows
from keras_kd.backend.tensorflow_replicas import all_sum as all_sum
from keras_kd.backend.tensorflow_replicas import assign as assign
from keras_kd.backend.tensorflow_replicas import gather_ints as gather_ints
from keras_kd.backend.tensorflow_replicas import num_replicas as num_replicas
from keras_kd.backend.tensorflow_replicas import replica_id as replica_id
from keras_kd.backend.tensorflow_replicas import replicas_of as replicas_of
from keras_kd.backend.tensorflow_replicas import scope_of as scope_of


class Trainer(PlainErrors, ReplicatedSteps):
    """`train_step` and `test_step` of a Distiller or a MutualDistiller.

    The class it is mixed into, before `keras.Model`, has in `_parts` what
    makes a `Step` of each batch, in backend-neutral code. The step says in
    which order its methods are to be called.
    """

    def _plain_errors(self, arguments):
        return _plain_errors()

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


@contextlib.contextmanager
def _plain_errors():
    """Shows what a step refuses without the graph around it."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        plain = _plain(str(error))
        if plain is None:
            raise
        raise tf.errors.InvalidArgumentError(None, None, plain) from None


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


def is_in_scope(variables):
    """Whether variables were made in the scope of the current strategy."""
    if not tf.distribute.has_strategy():
        return not any(
            isinstance(v.value, tf.distribute.DistributedValues)
            for v in variables
        )
    extended = tf.distribute.get_strategy().extended
    return num_replicas() == 1 or all(
        extended.variable_created_in_scope(v.value) for v in variables
    )


def is_scope_name(name):
    """Whether a graph can have a scope of this name.

    Keras 3.15 leaves the scope open if TensorFlow rejects its name, and all
    that is made in the process later fails.
    """
    return re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", name) is not None


def is_tracing():
    """Whether a graph is being made, whose tensors have no values yet."""
    return not tf.executing_eagerly()


def is_in_reach(tensor, output):
    """Whether a tensor can be used where `output` can.

    It cannot if it was made in a loop or a condition that `output` left.
    """
    graph = getattr(tensor, "graph", None)
    return graph is None or graph is getattr(output, "graph", None)


def check_finite(tensor, message, allows_minus_infinity=False):
    """Returns the tensor; fails with the message if it has nan or infinity.

    Args:
        tensor: Real numbers.
        message: Beginning of the error, which ends in `Received:`.
        allows_minus_infinity: Whether -inf is let through.
    """
    if not allows_minus_infinity:
        return tf.debugging.check_numerics(tensor, message)
    lowest = tf.constant(tensor.dtype.min, tensor.dtype)
    checked = tf.debugging.check_numerics(tf.maximum(tensor, lowest), message)
    with tf.control_dependencies([checked]):
        return tf.identity(tensor)


def check_labels(is_strange, message):
    """Fails with the message if any of some booleans is true.

    Not in a graph: what follows from such labels there fails by itself.
    """
    if tf.executing_eagerly() and tf.reduce_any(is_strange):
        raise ValueError(message)
