"""The order in which a graph of TensorFlow computes tensors."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from keras_kd import backend


class AfterTest(absltest.TestCase):
    def test_a_graph_computes_one_tensor_before_another_is_read(self):
        with tf.Graph().as_default():
            x, y = tf.constant([1.0]), tf.constant([2.0])
            found = backend.after(x, y)
            self.assertEqual(found.op.control_inputs, [y.op])
            self.assertEqual(list(found.op.inputs), [x])

    def test_it_has_the_derivative_of_the_tensor(self):
        x, y = tf.constant([1.0, 2.0]), tf.constant([3.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(5 * backend.after(x, y))
        np.testing.assert_array_equal(tape.gradient(total, x), [5, 5])


if __name__ == "__main__":
    absltest.main()
