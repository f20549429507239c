"""The training step on TensorFlow."""

import re

import keras
import tensorflow as tf

from keras_kd.backend.replicated_steps import ReplicatedSteps


class Trainer(ReplicatedSteps):
    """`train_step` and `test_step` of a model that compares two models.

    The class it is mixed into, before `keras.Model`, provides in backend-
    neutral code:

    * `_read_batch(data)`: `x` and `targets.Targets`;
    * `_run_teacher(x, found, training)` and `_run_student(x, found, training)`;
    * `_compare(x, found, teacher, student)`: this replica's share of the total
      loss;
    * `_report(x, found, teacher, student)`: the logs.
    """

    def train_step(self, data):
        """Updates the student, and the weights of the losses, on a batch."""
        x, found = self._read_batch(data)
        # Outside the tape, which would keep every activation of the teacher.
        teacher = self._run_teacher(x, found, training=True)
        with tf.GradientTape() as tape:
            student = self._run_student(x, found, training=True)
            total = self._compare(x, found, teacher, student)
            scaled = self.optimizer.scale_loss(total)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self._report(x, found, teacher, student)

    def test_step(self, data):
        """Evaluates a batch; changes nothing but the metrics."""
        x, found = self._read_batch(data)
        teacher = self._run_teacher(x, found, training=False)
        student = self._run_student(x, found, training=False)
        self._compare(x, found, teacher, student)
        return self._report(x, found, teacher, student)


class PeerTrainer(Trainer):
    """`train_step` and `test_step` of models that teach each other.

    The class it is mixed into, before `keras.Model`, provides in backend-
    neutral code:

    * `_shares(data, training)`: the examples of each peer;
    * `_exchange()`: what to do before a step;
    * `_run_peer(index, share, training)`: the outputs of a peer;
    * `_answers(shares, students, training)`: the peers' answers as teachers,
      a `PeerAnswers`;
    * `_compare(index, share, answers, student)`: this replica's share of a
      peer's total loss;
    * `_report(shares, answers, students)`: the logs;
    * `optimizers` and `_peer_variables(index)`: what updates what.
    """

    def train_step(self, data):
        """Updates the peers, and the weights of the losses, on a batch."""
        shares = self._shares(data, training=True)
        self._exchange()
        # One tape for each: the outputs of the others are not recorded on it.
        tapes = [tf.GradientTape() for _ in shares]
        students = []
        for index, (share, tape) in enumerate(zip(shares, tapes, strict=True)):
            with tape:
                students.append(self._run_peer(index, share, training=True))
        answers = self._answers(shares, students, training=True)
        for index, (share, tape) in enumerate(zip(shares, tapes, strict=True)):
            optimizer = self.optimizers[index]
            heard = answers.to(index)
            with tape:
                total = self._compare(index, share, heard, students[index])
                scaled = optimizer.scale_loss(total)
            variables = self._peer_variables(index)
            gradients = tape.gradient(scaled, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            answers.after_update(index)
        return self._report(shares, answers, students)

    def test_step(self, data):
        """Evaluates a batch; changes nothing but the metrics."""
        shares = self._shares(data, training=False)
        students = [
            self._run_peer(index, share, training=False)
            for index, share in enumerate(shares)
        ]
        answers = self._answers(shares, students, training=False)
        for index, share in enumerate(shares):
            self._compare(index, share, answers.to(index), students[index])
        return self._report(shares, answers, students)


def copy_weight_decay_exclusions(optimizer, copy):
    """Copies the weight decay exclusions of another optimizer."""
    # What `exclude_from_weight_decay` was given: Keras 3.15 leaves it out of
    # the config, and has no public name for it.
    for name in (
        "_exclude_from_weight_decay",
        "_exclude_from_weight_decay_pattern",
    ):
        if hasattr(optimizer, name):
            setattr(copy, name, getattr(optimizer, name))


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


def num_replicas():
    """Number of replicas that take part in a step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_id():
    """Number of this replica, from 0, inside a step; 0 outside of one."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group


def all_sum(value):
    """Sums a tensor over the replicas, inside a step."""
    context = tf.distribute.get_replica_context()
    if context is None or num_replicas() == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def check_finite(tensor, message, allows_minus_infinity=False):
    """Returns the tensor; fails with the message if it has nan or infinity.

    Args:
        tensor: Real numbers.
        message: Beginning of the error.
        allows_minus_infinity: Whether -inf is let through.
    """
    if not allows_minus_infinity:
        return tf.debugging.check_numerics(tensor, message)
    lowest = tf.constant(tensor.dtype.min, tensor.dtype)
    checked = tf.debugging.check_numerics(tf.maximum(tensor, lowest), message)
    with tf.control_dependencies([checked]):
        return tf.identity(tensor)


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
