import keras
import numpy as np
from absl.testing import absltest

from keras_kd.procedures.softened import LabelCrossEntropy
from keras_kd.procedures.softened import Softened
from tests import support


class SoftenedTest(absltest.TestCase):
    def test_divides_the_logits_in_float32(self):
        network = support.dense(4, dtype="float16")
        x, _ = support.data()
        actual = Softened(network, 4.0)(x)
        self.assertEqual(
            keras.backend.standardize_dtype(actual.dtype), "float32"
        )
        expected = keras.ops.convert_to_numpy(network(x)).astype("float32")
        np.testing.assert_array_equal(actual, expected / 4)

    def test_scales_the_loss_of_a_network_in_half_precision(self):
        model = Softened(support.dense(4, dtype="mixed_float16"), 4.0)
        model.compile("sgd", LabelCrossEntropy())
        self.assertIsInstance(
            model.optimizer, keras.optimizers.LossScaleOptimizer
        )

    def test_training_it_trains_the_network(self):
        network = support.dense(4)
        before = support.values(network.weights)
        model = Softened(network, 4.0)
        model.compile("sgd", LabelCrossEntropy())
        model.fit(*support.data(), verbose=0)
        after = support.values(network.weights)
        self.assertGreater(support.largest_difference(before, after), 0)


if __name__ == "__main__":
    absltest.main()
