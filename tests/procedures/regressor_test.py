import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd import models
from keras_kd.procedures import regressor
from tests import support


def images(*hidden):
    return keras.Sequential([keras.Input((8, 8, 2)), *hidden])


class InferRegressorTest(parameterized.TestCase):
    @parameterized.parameters(
        ((8, 8, 6), (8, 8, 10), (1, 1)),
        ((8, 8, 6), (7, 6, 10), (2, 3)),
        # Wider than `projectors.infer` would choose, as in the paper.
        ((12, 12, 6), (4, 4, 10), (9, 9)),
    )
    def test_shrinks_the_map_by_a_convolution_without_padding(
        self, guided, hint, kernel
    ):
        made = regressor.infer_regressor((None, *guided), (None, *hint), None)
        (convolution,) = made.layers
        self.assertEqual(convolution.kernel_size, kernel)
        self.assertEqual(convolution.padding, "valid")
        self.assertEqual(made.output_shape, (None, *hint))
        # k1 * k2 * (channels of the hint) * (channels guided), and a bias.
        self.assertEqual(
            made.count_params(), kernel[0] * kernel[1] * 6 * 10 + 10
        )

    def test_maxout_has_as_many_pieces_as_the_hint_layer(self):
        made = regressor.infer_regressor(
            (None, 8, 8, 6), (None, 7, 7, 10), models.Maxout(3)
        )
        convolution, maxout = made.layers
        self.assertEqual(convolution.filters, 30)
        self.assertEqual(maxout.pieces, 3)
        self.assertEqual(made.output_shape, (None, 7, 7, 10))

    def test_is_dense_for_vectors(self):
        made = regressor.infer_regressor(
            (None, 6), (None, 10), keras.activations.relu
        )
        dense, activation = made.layers
        self.assertEqual(dense.kernel.shape, (6, 10))
        self.assertIs(activation.activation, keras.activations.relu)

    def test_enlarges_a_smaller_map(self):
        made = regressor.infer_regressor(
            (None, 4, 4, 6), (None, 8, 8, 10), None
        )
        self.assertEqual(made.output_shape, (None, 8, 8, 10))

    def test_weights_are_drawn_as_in_the_released_code(self):
        made = regressor.infer_regressor((None, 60), (None, 50), None)
        kernel = support.values(made.weights)[0]
        self.assertLessEqual(np.abs(kernel).max(), 0.05)
        self.assertAlmostEqual(kernel.std(), 0.05 / 3**0.5, delta=0.002)

    @parameterized.parameters((8, 8, 6), (4, 4, 6), (6,))
    def test_computes_in_float32_under_any_policy(self, *guided):
        policy = keras.config.dtype_policy()
        self.addCleanup(keras.config.set_dtype_policy, policy)
        keras.config.set_dtype_policy("mixed_float16")
        hint = (8, 8, 10) if len(guided) == 3 else (10,)
        for nonlinearity in (models.Maxout(2), keras.activations.relu):
            made = regressor.infer_regressor(
                (None, *guided), (None, *hint), nonlinearity
            )
            # Beyond the range of float16.
            output = made(1e6 * np.ones((1, *guided), "float32"))
            self.assertEqual(output.dtype, "float32")
            self.assertTrue(np.all(np.isfinite(output)))

    def test_refuses_shapes_that_do_not_meet(self):
        with self.assertRaisesRegex(ValueError, "rank"):
            regressor.infer_regressor((None, 60), (None, 4, 4, 5), None)


class NonlinearityTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("of_the_layer", lambda: [layers.Conv2D(3, 3, activation="relu")]),
        ("of_an_activation", lambda: [layers.Activation("relu")]),
        (
            "before_a_pooling",
            lambda: [layers.Activation("relu"), layers.MaxPooling2D(2)],
        ),
    )
    def test_finds_the_activation(self, hidden):
        hidden = hidden()
        found = regressor.nonlinearity_of(images(*hidden), hidden[-1].name)
        self.assertIs(found, keras.activations.relu)

    def test_finds_maxout_behind_pooling_and_dropout(self):
        teacher = models.maxout_convnet(
            (8, 8, 2),
            3,
            [models.MaxoutBlock(4, pieces=3, pool_size=2)] * 2,
            dropout=0.5,
        )
        for tap in ("block1", "block1_maxout", "drop2"):
            found = regressor.nonlinearity_of(teacher, tap)
            self.assertIs(found, teacher.get_layer("block1_maxout"))

    def test_finds_a_rectifier_in_a_nested_model(self):
        inner = images(layers.LeakyReLU(0.3, name="leak"), layers.Flatten())
        inner.name = "inner"
        teacher = keras.Sequential([keras.Input((8, 8, 2)), inner])
        found = regressor.nonlinearity_of(teacher, "inner/leak")
        self.assertEqual(found.negative_slope, 0.3)
        made = regressor.infer_regressor((None, 6), (None, 10), found)
        self.assertEqual(made.layers[-1].negative_slope, 0.3)
        self.assertIsNot(made.layers[-1], found)

    @parameterized.named_parameters(
        ("normalised", lambda: layers.BatchNormalization(name="hint")),
        ("linear", lambda: layers.Conv2D(3, 3, name="hint")),
        ("input", lambda: layers.MaxPooling2D(2, name="hint")),
    )
    def test_is_linear_where_the_hint_is(self, layer):
        found = regressor.nonlinearity_of(images(layer()), "hint")
        self.assertIn(found, (None, keras.activations.linear))


if __name__ == "__main__":
    absltest.main()
