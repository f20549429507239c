"""`teachers.logits_of_probabilities`: the way out that messages name."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

from keras_kd import losses
from keras_kd import taps
from keras_kd import teachers
from keras_kd.teachers.logits_of_probabilities import Logarithm
from keras_kd.teachers.logits_of_probabilities import LogarithmOfOdds
from tests import support

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def ending_in(function, units=3):
    """A model whose probabilities no layer makes."""
    x = keras.Input((4,))
    hidden = layers.Dense(units, name="hidden")(x)
    return keras.Model(x, function(hidden), name="net")


def subclassed():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.hidden = layers.Dense(3)

        def call(self, x):
            return ops.softmax(self.hidden(x))

    model = Subclassed()
    model(X)
    return model


class LogitsOfProbabilitiesTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("function", lambda: ending_in(ops.softmax)),
        ("lambda", lambda: ending_in(layers.Lambda(ops.softmax))),
        ("by_hand", lambda: ending_in(by_hand)),
        ("layer", lambda: support.dense(5, activation="softmax")),
        ("subclassed", subclassed),
    )
    def test_the_softmax_of_the_logits_is_the_model(self, make):
        model = make()
        teacher = teachers.logits_of_probabilities(model)
        np.testing.assert_allclose(ops.softmax(teacher(X)), model(X), rtol=1e-5)
        self.assertLess(np.max(teacher(X)), 0)

    @parameterized.parameters(1, 3)
    def test_the_sigmoid_of_the_logits_is_the_model(self, units):
        model = ending_in(ops.sigmoid, units)
        teacher = teachers.logits_of_probabilities(model)
        hidden = model.get_layer("hidden")(X)
        np.testing.assert_allclose(teacher(X), hidden, rtol=1e-4, atol=1e-5)

    @pytest.mark.slow
    def test_the_messages_lead_here(self):
        model = ending_in(ops.softmax)
        for refused in (
            lambda: support.distiller(teacher=model),
            lambda: teachers.logits(model),
            lambda: teachers.EnsembleTeacher([model, model]),
        ):
            with self.assertRaisesRegex(
                ValueError, r"`keras_kd\.teachers\.logits_of_probabilities\("
            ):
                refused()
        teacher = teachers.logits_of_probabilities(model)
        support.distiller(teacher=teacher)
        teachers.EnsembleTeacher([teacher, teacher])

    @support.eagerly()
    def test_a_teacher_at_temperature_1_says_what_it_did(self):
        model, student = ending_in(ops.softmax), support.dense(4)
        distiller = support.distiller(
            losses.SoftTargets(1.0),
            teacher=teachers.logits_of_probabilities(model),
            student=student,
        )
        distiller.compile("sgd")
        p = np.asarray(model(X), "float64")
        q = np.asarray(ops.softmax(student(X)), "float64")
        expected = np.mean(np.sum(p * np.log(p / q), axis=-1))
        found = support.evaluated(distiller, X)["soft_targets"]
        self.assertAlmostEqual(found, expected, places=5)

    @pytest.mark.slow
    def test_a_saved_model_is_a_teacher(self):
        folder = support.folder(self) / "saved"
        source = support.dense(5, activation="softmax")
        source.export(folder, verbose=False)
        x = keras.Input((4,))
        served = layers.TFSMLayer(folder, call_endpoint="serve")
        teacher = teachers.logits_of_probabilities(keras.Model(x, served(x)))
        np.testing.assert_allclose(
            ops.softmax(teacher(X)), source(X), rtol=1e-5
        )

    def test_what_float32_rounds_away_stays_finite(self):
        p = ops.convert_to_tensor([[0.0, 1e-30, 1.0]])
        # log(2**-126), log(1e-30) and log(1).
        np.testing.assert_allclose(
            Logarithm()(p), [[-87.3365, -69.0776, 0.0]], atol=1e-3
        )
        # The last is log(1) - log(2**-25).
        np.testing.assert_allclose(
            LogarithmOfOdds()(p), [[-87.3365, -69.0776, 17.3287]], atol=1e-3
        )

    def test_taps_stay(self):
        model = ending_in(ops.softmax)
        teacher = teachers.logits_of_probabilities(model)
        self.assertIn("hidden", taps.names(teacher))
        nested = teachers.logits_of_probabilities(subclassed())
        self.assertIn("own/hidden", taps.names(nested))

    def test_is_saved(self):
        file = support.folder(self) / "model.keras"
        for function in (ops.softmax, ops.sigmoid):
            teacher = teachers.logits_of_probabilities(ending_in(function))
            teacher.save(file)
            loaded = keras.models.load_model(file)
            np.testing.assert_array_equal(loaded(X), teacher(X))

    def test_refuses_what_gives_none(self):
        with self.assertRaisesRegex(ValueError, r"must give prob.*from 2"):
            teachers.logits_of_probabilities(
                ending_in(lambda x: 2 + 0.1 * ops.sigmoid(x))
            )

    def test_unknown_sizes_need_the_activation(self):
        x = keras.Input((None, 4))
        model = keras.Model(x, ops.softmax(layers.Dense(3)(x)))
        with self.assertRaisesRegex(ValueError, "activation='softmax' or"):
            teachers.logits_of_probabilities(model)
        teacher = teachers.logits_of_probabilities(model, activation="softmax")
        np.testing.assert_allclose(
            ops.softmax(teacher(X[None])), model(X[None]), rtol=1e-5
        )

    def test_refuses_several_outputs(self):
        with self.assertRaisesRegex(ValueError, "one output"):
            teachers.logits_of_probabilities(support.two_headed(4))

    def test_refuses_other_arguments(self):
        with self.assertRaisesRegex(ValueError, '`activation` must be "soft'):
            teachers.logits_of_probabilities(support.dense(3), "tanh")
        with self.assertRaisesRegex(TypeError, "FunctionTeacher"):
            teachers.logits_of_probabilities(ops.softmax)
        with self.assertRaisesRegex(ValueError, "built=False"):
            teachers.logits_of_probabilities(keras.Sequential())


def by_hand(x):
    powers = ops.exp(x)
    return powers / ops.sum(powers, axis=-1, keepdims=True)


if __name__ == "__main__":
    absltest.main()
