"""The training step on TensorFlow."""

import keras
import tensorflow as tf


class Trainer:
    """`train_step` and `test_step` of a model that compares two models.

    The class it is mixed into, before `keras.Model`, provides in backend-
    neutral code:

    * `run_teacher(x, y)` and `run_student(x, y, training)`;
    * `compare(x, y, sample_weight, teacher, student)`: this replica's share
      of the total loss;
    * `report(x, y, sample_weight, teacher, student)`: the logs.
    """

    def train_step(self, data):
        """Updates the student, and the weights of the losses, on a batch."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        # Outside the tape, which would keep every activation of the teacher.
        teacher = self.run_teacher(x, y)
        with tf.GradientTape() as tape:
            student = self.run_student(x, y, training=True)
            total = self.compare(x, y, sample_weight, teacher, student)
            scaled = self.optimizer.scale_loss(total)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self.report(x, y, sample_weight, teacher, student)

    def test_step(self, data):
        """Measures a batch and changes nothing but the metrics."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        teacher = self.run_teacher(x, y)
        student = self.run_student(x, y, training=False)
        self.compare(x, y, sample_weight, teacher, student)
        return self.report(x, y, sample_weight, teacher, student)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras 3.15 builds metrics before the first step under a strategy,
        # with the mean of the replicas' batches: that fails if they differ in
        # size. The first replica's batch shows the same shapes.
        strategy = self.distribute_strategy
        if strategy.num_replicas_in_sync == 1:
            return super()._maybe_symbolic_build(iterator, data_batch)
        if data_batch is None:
            _, _, batches = next(iter(iterator))
            data_batch = next(batches)
        with strategy.scope():
            self._symbolic_build(
                data_batch=strategy.experimental_local_results(data_batch)[0]
            )


def num_replicas():
    """Number of replicas that take part in a step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def all_sum(value):
    """Sums a tensor over the replicas, inside a step."""
    context = tf.distribute.get_replica_context()
    if context is None or num_replicas() == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def check_finite(tensor, message):
    """Returns the tensor; fails with the message if it has nan or infinity."""
    return tf.debugging.check_numerics(tensor, message)


def input_gradients(function, x, objectives):
    """Runs a function of the input and differentiates by the input.

    Args:
        function: From `x` to `(output, anything)`.
        x: Structure of tensors.
        objectives: Dict from a name to a function of `output` that returns one
            value per example.

    Returns:
        `(result, gradients)`: what `function` returned, and a dict from each
        name to the gradient of its values, of the structure and shape of `x`.
        The gradients can be differentiated again.
    """
    x = tf.nest.map_structure(tf.convert_to_tensor, x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        result = function(x)
        totals = {
            name: tf.reduce_sum(objective(result[0]))
            for name, objective in objectives.items()
        }
    gradients = {
        name: tape.gradient(
            total, x, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        for name, total in totals.items()
    }
    return result, gradients
