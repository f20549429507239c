import hypothesis
import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import strategies

import keras_kd
from keras_kd import models
from keras_kd import taps
from tests import reference
from tests import support

SIZES = strategies.integers(1, 12)


class ShallowMimicTest(parameterized.TestCase):
    @hypothesis.given(SIZES, SIZES, SIZES, SIZES)
    @hypothesis.settings(deadline=None, max_examples=15)
    def test_bottleneck_has_k_times_h_plus_d_parameters(self, d, k, h, c):
        # U is (h, k), V is (k, d); the biases are h and c, the output (c, h).
        model = models.shallow_mimic((d,), c, h, bottleneck=k)
        matrix = model.count_params() - h - c * (h + 1)
        self.assertEqual(matrix, k * (h + d))

    def test_without_bottleneck_the_matrix_is_full(self):
        model = models.shallow_mimic((2, 3), 4, 5)
        self.assertEqual(model.count_params(), 5 * (6 + 1) + 4 * (5 + 1))

    def test_is_one_hidden_layer(self):
        # b f(U V x) by hand: nothing but f is not linear.
        model = models.shallow_mimic(
            (5,), 3, 8, bottleneck=2, activation="tanh"
        )
        x, _ = support.data(7, features=5)
        v, u, u_bias, b, b_bias = map(
            reference.float64, support.values(model.weights)
        )

        expected = np.tanh(x @ (v @ u) + u_bias) @ b + b_bias

        np.testing.assert_allclose(model(x), expected, atol=1e-5)

    def test_hidden_units_are_relu_by_default(self):
        model = models.shallow_mimic((5,), 3, 50)
        x, _ = support.data(7, features=5)
        layer = model.get_layer("hidden")
        kernel, _ = support.values(layer.weights)
        np.testing.assert_allclose(
            layer(x), np.maximum(x @ kernel, 0), atol=1e-5
        )

    def test_layers_are_named_for_taps(self):
        model = models.shallow_mimic(
            (6, 6, 1), 3, 8, bottleneck=2, conv_channels=4, dropout=0.5
        )
        self.assertEqual(
            taps.names(model),
            [
                "convolution",
                "pooling",
                "flatten",
                "bottleneck",
                "hidden",
                "dropout",
                "logits",
            ],
        )

    @parameterized.parameters((2, 7, 4), (3, 7, 3), (1, 7, 7))
    def test_pooling_divides_and_rounds_up(self, pool_size, size, pooled):
        model = models.shallow_mimic(
            (size, size, 3),
            10,
            8,
            conv_channels=4,
            kernel_size=3,
            pool_size=pool_size,
        )
        flat = model.get_layer("flatten").output.shape[-1]
        self.assertEqual(flat, 4 * pooled**2)
        kernel = model.get_layer("convolution").kernel
        self.assertEqual(kernel.shape, (3, 3, 3, 4))

    def test_dropout_leaves_out_hidden_units_in_training_only(self):
        model = models.shallow_mimic((5,), 1, 2000, dropout=0.25)
        x = np.ones((1, 5), "float32")
        layer = model.get_layer("dropout")
        ones = np.ones((1, 2000), "float32")
        kept = np.mean(
            keras.ops.convert_to_numpy(layer(ones, training=True)) > 0
        )
        # Four standard deviations of a mean of 2000.
        self.assertAlmostEqual(kept, 0.75, delta=4 * np.sqrt(0.19 / 2000))
        np.testing.assert_array_equal(model(x), model(x, training=False))
        moved = model(x, training=True) - model(x)
        self.assertGreater(abs(float(moved[0, 0])), 1e-4)

    def test_gives_float32_logits_under_mixed_precision(self):
        self.addCleanup(
            keras.config.set_dtype_policy, keras.config.dtype_policy()
        )
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = models.shallow_mimic((4,), 3, 8, bottleneck=2)
        rows = model.predict(10 * np.ones((2, 4)), verbose=0)
        self.assertEqual(rows.dtype, "float32")
        # Probabilities would sum to 1.
        self.assertGreater(np.abs(rows.sum(axis=1) - 1).min(), 1e-3)

    @parameterized.named_parameters(
        ("hidden", {"hidden": 0}, "`hidden` must be an integer.*hidden=0"),
        ("half", {"hidden": 1.5}, r"`hidden` must be an integer.*hidden=1\.5"),
        ("classes", {"num_classes": -1}, "`num_classes` must.*num_classes=-1"),
        ("bottleneck", {"bottleneck": 0}, "`bottleneck` must.*bottleneck=0"),
        ("pool", {"pool_size": 0}, "`pool_size` must be.*pool_size=0"),
        ("channels", {"conv_channels": True}, "`conv_channels` must.*=True"),
        ("dropout", {"dropout": 1.0}, r"`dropout` must.*dropout=1\.0"),
        ("nan", {"dropout": float("nan")}, "`dropout` must.*dropout=nan"),
        ("length", {"input_shape": (None, 4)}, r"known number.*\(None, 4\)"),
        ("scalar", {"input_shape": ()}, r"known number.*input_shape=\(\)"),
    )
    def test_rejects(self, changed, message):
        arguments = {"input_shape": (4, 4, 1), "num_classes": 3, "hidden": 8}
        with self.assertRaisesRegex(ValueError, message):
            models.shallow_mimic(**arguments | changed)

    def test_rejects_a_convolution_over_vectors(self):
        with self.assertRaisesRegex(
            ValueError, r"conv_channels=8, input_shape=\(64,\)"
        ):
            models.shallow_mimic((64,), 10, 8, conv_channels=8)


class MimicryTest(absltest.TestCase):
    """`LogitRegression` and a geometric ensemble train these nets."""

    def distiller(self, student, teacher):
        distiller = keras_kd.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=keras_kd.losses.LogitRegression(),
        )
        distiller.compile(keras.optimizers.Adam(0.01))
        return distiller

    def ensemble(self):
        return keras_kd.teachers.EnsembleTeacher(
            [support.dense(16, name=f"member{n}") for n in range(3)],
            combine="geometric",
        )

    def test_loss_is_half_the_squared_distance_to_the_mean_logits(self):
        # L = 1 / (2 N) sum_t ||g(x_t) - v_t||^2, v the members' mean.
        ensemble = self.ensemble()
        student = models.shallow_mimic((4,), 3, 20, bottleneck=2)
        x, _ = support.data()
        mean = np.mean([model(x) for model in ensemble.models], axis=0)
        expected = np.mean(reference.logit_regression(mean, student(x)))

        logs = self.distiller(student, ensemble).evaluate(
            x, verbose=0, return_dict=True
        )

        np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)

    @pytest.mark.slow
    def test_mimics_the_teacher_without_labels(self):
        keras.utils.set_random_seed(0)
        ensemble = self.ensemble()
        x, _ = support.data(600)
        held_out, _ = support.data(400, seed=1)
        target = keras.ops.convert_to_numpy(ensemble(held_out))
        fit = {"batch_size": 50, "epochs": 15, "verbose": 0}

        mimic = models.shallow_mimic((4,), 3, 100, bottleneck=4)
        self.distiller(mimic, ensemble).fit(x, **fit)
        control = models.shallow_mimic((4,), 3, 100, bottleneck=4)
        control.compile(keras.optimizers.Adam(0.01), "mse")
        y = keras.ops.convert_to_numpy(ensemble(x))
        control.fit(x, np.random.default_rng(0).permutation(y), **fit)

        error, no_better = (
            np.mean((student(held_out) - target) ** 2)
            for student in (mimic, control)
        )
        # At best, the control predicts the mean.
        self.assertGreater(no_better, 0.9 * target.var(axis=0).mean())
        self.assertLess(error, 0.05 * no_better)

    def test_logits_can_be_standardised_by_layers(self):
        # The recipe in the docstring of `LogitRegression`.
        teacher = support.dense(16)
        student = models.shallow_mimic((4,), 3, 20)
        x, _ = support.data(50)
        logits = keras.ops.convert_to_numpy(teacher(x))
        moments = {"mean": logits.mean(0), "variance": logits.var(0)}
        standardised = keras.Sequential(
            [teacher, keras.layers.Normalization(**moments)]
        )
        expected = reference.logit_regression(
            (logits - logits.mean(0)) / logits.std(0), student(x)
        )

        distiller = self.distiller(student, standardised)
        logs = distiller.evaluate(x, verbose=0, return_dict=True)
        invert = keras.layers.Normalization(**moments, invert=True)

        np.testing.assert_allclose(logs["loss"], expected.mean(), rtol=1e-5)
        np.testing.assert_allclose(
            invert(standardised(x)), logits, rtol=1e-4, atol=1e-5
        )


if __name__ == "__main__":
    absltest.main()
