import hypothesis
import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies

from keras_kd import models
from keras_kd import taps
from tests import support

SIZES = strategies.integers(1, 40)


def assert_same_outputs(model, folded, x):
    """Equal to 1e-5 of the largest output."""
    expected = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(
        folded(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def randomize(model, seed=0):
    """Weights and biases that are all different from zero."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape))
    return model


class FoldBottleneckTest(parameterized.TestCase):
    @pytest.mark.slow
    @hypothesis.given(SIZES, SIZES, SIZES, strategies.integers(1, 5))
    @hypothesis.settings(deadline=None, max_examples=25)
    def test_outputs_are_equal_for_all_sizes(self, d, k, h, c):
        model = randomize(models.shallow_mimic((d,), c, h, bottleneck=k))
        x, _ = support.data(20, features=d)

        folded = models.fold_bottleneck(model)

        assert_same_outputs(model, folded, x)
        self.assertEqual(folded.count_params(), h * (d + 1) + c * (h + 1))

    def test_kernel_is_the_product(self):
        model = randomize(models.shallow_mimic((7,), 2, 9, bottleneck=3))
        v, u, *others = support.values(model.weights)

        kernel, *rest = support.values(models.fold_bottleneck(model).weights)

        expected = v.astype("float64") @ u.astype("float64")
        np.testing.assert_allclose(kernel, expected, rtol=1e-6)
        self.assertEqual(support.largest_difference(rest, others), 0)

    def test_folds_an_image_net_with_dropout(self):
        model = models.shallow_mimic(
            (6, 6, 2), 3, 8, bottleneck=4, conv_channels=5, dropout=0.5
        )
        x = np.random.default_rng(0).random((4, 6, 6, 2), "float32")

        folded = models.fold_bottleneck(randomize(model))

        assert_same_outputs(model, folded, x)
        remaining = [n for n in taps.names(model) if n != "bottleneck"]
        self.assertEqual(taps.names(folded), remaining)
        self.assertEqual(folded.get_layer("dropout").rate, 0.5)

    def test_several_in_a_row_become_one(self):
        model = keras.Sequential(
            [
                keras.Input((3, 6)),
                keras.layers.Dense(2, use_bias=False),
                keras.layers.Dense(5, use_bias=False),
                keras.layers.Dense(4, "tanh", name="last"),
                keras.layers.Dense(2, use_bias=False),
                keras.layers.Dense(3, "tanh"),
            ]
        )
        x = np.random.default_rng(0).normal(size=(4, 3, 6))

        folded = models.fold_bottleneck(randomize(model))

        assert_same_outputs(model, folded, x)
        self.assertLen(folded.layers, 2)
        self.assertEqual(folded.get_layer("last").kernel.shape, (6, 4))

    def test_the_given_model_stays_as_it_is(self):
        model = randomize(models.shallow_mimic((5,), 2, 6, bottleneck=2))
        before = support.values(model.weights)
        layers = list(model.layers)

        folded = models.fold_bottleneck(model)
        for variable in folded.weights:
            variable.assign(variable + 1)

        self.assertEqual(model.layers, layers)
        now = support.values(model.weights)
        self.assertEqual(support.largest_difference(now, before), 0)

    def test_a_regulariser_of_one_factor_is_left_out(self):
        l2 = keras.regularizers.L2(0.1)
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(2, use_bias=False),
                keras.layers.Dense(
                    3, kernel_regularizer=l2, kernel_constraint="unit_norm"
                ),
                keras.layers.Dense(3, kernel_regularizer=l2),
            ]
        )
        first, second = models.fold_bottleneck(model).layers
        self.assertIsNone(first.kernel_regularizer)
        self.assertIsNone(first.kernel_constraint)
        self.assertIsNotNone(second.kernel_regularizer)

    def test_folds_a_model_that_was_saved(self):
        path = support.folder(self) / "mimic.keras"
        model = randomize(models.shallow_mimic((5,), 2, 6, bottleneck=2))
        model.save(path)
        x, _ = support.data(features=5)

        folded = models.fold_bottleneck(keras.saving.load_model(path))

        assert_same_outputs(model, folded, x)

    @parameterized.named_parameters(
        ("full_matrix", []),
        ("bias", [keras.layers.Dense(2, name="thin")]),
        (
            "activation",
            [keras.layers.Dense(2, "relu", use_bias=False, name="thin")],
        ),
        (
            "not_adjacent",
            [
                keras.layers.Dense(2, use_bias=False, name="thin"),
                keras.layers.ReLU(),
            ],
        ),
    )
    def test_rejects_a_model_without_a_pair(self, layers):
        model = keras.Sequential(
            [keras.Input((4,)), *layers, keras.layers.Dense(3, name="wide")],
            name="net",
        )
        with self.assertRaisesRegex(
            ValueError, r'without bias and activation.*model="net".*wide'
        ):
            models.fold_bottleneck(model)

    @pytest.mark.slow
    def test_does_not_fold_quantised_layers(self):
        model = models.shallow_mimic((4,), 3, 8, bottleneck=2)
        model.get_layer("hidden").quantize("int8")
        with self.assertRaisesRegex(ValueError, "such a pair"):
            models.fold_bottleneck(model)

    def test_does_not_fold_layers_with_lora(self):
        model = models.shallow_mimic((4,), 3, 8, bottleneck=2)
        model.get_layer("hidden").enable_lora(1)
        with self.assertRaisesRegex(ValueError, "such a pair"):
            models.fold_bottleneck(model)

    def test_rejects_another_kind_of_model(self):
        inputs = keras.Input((4,))
        model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
        with self.assertRaisesRegex(TypeError, "must be a `keras.Sequential`"):
            models.fold_bottleneck(model)

    def test_rejects_a_model_that_is_not_built(self):
        model = keras.Sequential([keras.layers.Dense(3)], name="net")
        with self.assertRaisesRegex(
            ValueError, 'must be built.*model="net", built=False'
        ):
            models.fold_bottleneck(model)


if __name__ == "__main__":
    absltest.main()
