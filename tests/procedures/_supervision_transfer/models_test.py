"""The models that `supervision_transfer` is put together from."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from scipy import special

from keras_kd._core.model_weights import copied_graph
from keras_kd.procedures._supervision_transfer import models
from tests import support


class TrainableCopyTest(absltest.TestCase):
    def test_frees_layers_at_any_depth(self):
        inner = support.dense(3, name="inner")
        net = keras.Sequential(
            [keras.Input((4,)), inner, keras.layers.Dense(2)]
        )
        net = copied_graph(net)
        inner = net.get_layer("inner")
        inner.layers[0].trainable = False
        # A model that may be trained, with one layer that may not.
        self.assertLen(net.trainable_weights, 4)
        copy = models.trainable_copy(net)
        self.assertLen(copy.trainable_weights, 6)
        self.assertLen(net.trainable_weights, 4)
        np.testing.assert_array_equal(
            copy.get_weights()[0], net.get_weights()[0]
        )

    def test_statistics_stay_what_they_are(self):
        inputs = keras.Input((4,))
        norm = keras.layers.BatchNormalization()
        net = keras.Model(inputs, norm(inputs))
        net.trainable = False
        copy = models.trainable_copy(net)
        self.assertLen(copy.trainable_weights, 2)
        self.assertLen(copy.non_trainable_weights, 2)


class FusionTest(parameterized.TestCase):
    def fuse(self, first, second, x):
        nets = [copied_graph(net) for net in (first, second)]
        both = models.fusion(*nets, "a", "b")
        return both, both.predict({"a": x, "b": x}, verbose=0)

    @parameterized.parameters("uint8", "int32", "float32")
    def test_keeps_the_type_of_the_input(self, dtype):
        def net(bits):
            return keras.Sequential(
                [
                    keras.Input((4,), dtype=bits),
                    keras.layers.Rescaling(1 / 255),
                    keras.layers.Dense(3),
                ]
            )

        x = np.array([[0, 1, 2, 255]], dtype)
        fused, _ = self.fuse(net(dtype), net("float32"), x)
        found = {name: tensor.dtype for name, tensor in fused.input.items()}
        self.assertEqual(found, {"a": dtype, "b": "float32"})

    def test_one_unit_gives_the_logit_of_the_mean_probability(self):
        first, second = (support.dense(5, classes=1) for _ in range(2))
        x, _ = support.data()
        _, fused = self.fuse(first, second, x)
        mean = (special.expit(first(x)) + special.expit(second(x))) / 2
        # A logit near 0 is a difference of two logarithms.
        np.testing.assert_allclose(fused, special.logit(mean), 1e-4, 1e-6)


if __name__ == "__main__":
    absltest.main()
