"""Copies of a model, and weights that a pass changes."""

import warnings

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd._core import model_weights
from keras_kd._core.model_weights import moving_weights
from tests import support
from tests.replicas import two_replicas


@keras.saving.register_keras_serializable("tests")
class Restless(keras.Model):
    """Runs its normalisation in training mode, whatever it is told."""

    def __init__(self, name="restless", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hidden = keras.layers.Dense(8)
        self.norm = keras.layers.BatchNormalization(name="norm")
        self.head = keras.layers.Dense(3)

    def call(self, x):
        return self.head(self.norm(self.hidden(x), training=True))


def restless():
    model = Restless()
    model(np.ones((2, 4), "float32"))
    return model


class UnchangedTest(parameterized.TestCase):
    def check(self, teacher, model, data, fit):
        """Trains, and compares the weights of the model in the teacher."""
        before = support.values(model.weights)
        with self.assertWarnsRegex(
            UserWarning, '"restless" changes its own weights.*norm/moving_'
        ) as caught:
            fit(teacher, data)
        told = [w for w in caught.warnings if "changes its own" in str(w)]
        self.assertLen(told, 1)
        after = support.values(model.weights)
        self.assertEqual(support.largest_difference(before, after), 0)

    @staticmethod
    def fit(teacher, data, **kwargs):
        distiller = support.distiller(teacher=teacher)
        distiller.compile("sgd", support.cross_entropy(), **kwargs)
        distiller.fit(*data, epochs=2, validation_data=data, verbose=0)
        distiller.evaluate(*data, verbose=0)
        return distiller

    def test_a_restless_teacher(self):
        model = restless()
        self.check(model, model, support.data(), self.fit)

    def test_in_an_ensemble(self):
        model = restless()
        ensemble = keras_kd.teachers.EnsembleTeacher([model, support.dense(4)])
        before = support.values(model.weights)
        with self.assertWarnsRegex(UserWarning, "changes its own weights"):
            self.fit(ensemble, support.data())
        after = support.values(model.weights)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_eagerly(self):
        model = restless()
        self.check(
            model,
            model,
            support.data(),
            lambda t, d: self.fit(t, d, run_eagerly=True),
        )

    @pytest.mark.slow
    def test_on_two_replicas(self):
        with two_replicas().scope():
            model = restless()
            self.check(model, model, support.data(), self.fit)

    @pytest.mark.slow
    def test_while_a_cache_is_written(self):
        model = restless()
        self.check(
            model,
            model,
            support.data(),
            lambda teacher, data: keras_kd.teachers.cache_teacher(
                teacher, data, support.folder(self), verbose=0
            ),
        )

    def test_weights_files_can_be_loaded_again(self):
        path = support.folder(self) / "run.weights.h5"
        with self.assertWarnsRegex(UserWarning, "changes its own weights"):
            distiller = self.fit(restless(), support.data())
        distiller.save_weights(path)
        distiller.evaluate(*support.data(), verbose=0)
        distiller.load_weights(path)

    def test_no_word_of_a_teacher_that_stays(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            self.fit(support.dense(8), support.data())

    def test_a_teacher_that_draws_numbers_draws_others_in_each_step(self):
        class Drawing(keras.layers.Layer):
            def __init__(self):
                super().__init__()
                self.seed = keras.random.SeedGenerator(0)

            def call(self, x):
                return x + keras.random.normal(
                    keras.ops.shape(x), seed=self.seed
                )

        teacher = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3), Drawing()]
        )
        distiller = support.distiller(teacher=teacher)
        distiller.compile(keras.optimizers.SGD(0.0))
        x, _ = support.data()
        first, second = (
            distiller.evaluate(x, verbose=0, return_dict=True)["loss"]
            for _ in range(2)
        )
        self.assertNotEqual(first, second)


class MovingWeightsTest(absltest.TestCase):
    def test_are_trainable_ones_and_statistics(self):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Normalization(mean=[0.0] * 4, variance=[1.0] * 4),
                keras.layers.Dense(3, name="frozen", trainable=False),
                keras.layers.BatchNormalization(name="norm"),
            ]
        )
        found = moving_weights(model, model.weights)
        self.assertSameElements(
            [variable.path.split("norm/")[-1] for variable in found],
            ["gamma", "beta", "moving_mean", "moving_variance"],
        )

    def test_a_pass_of_it_changes_nothing(self):
        model = keras.Sequential(
            [keras.Input((4,)), keras.layers.BatchNormalization()]
        )
        before = support.values(model.weights)
        moving_weights(model, model.weights)
        after = support.values(model.weights)
        self.assertEqual(support.largest_difference(before, after), 0)


@keras.saving.register_keras_serializable("keras_kd_tests")
class Subclassed(keras.Model):
    """A model that knows its shapes from the first call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.head = keras.layers.Dense(3)

    def call(self, x):
        return self.head(x)


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 4)))
    return model


@parameterized.named_parameters(
    ("sequential", lambda: support.dense(5)), ("subclassed", subclassed)
)
class ModelCopiesTest(parameterized.TestCase):
    def test_a_fresh_copy_has_other_weights(self, make):
        model = make()
        copy = model_weights.fresh_copy(model)
        shapes = [[w.shape for w in one.weights] for one in (model, copy)]
        self.assertEqual(*shapes)
        self.assertGreater(
            support.largest_difference(
                support.values(model.weights), support.values(copy.weights)
            ),
            0,
        )

    def test_an_equal_copy_has_weights_of_its_own(self, make):
        model = make()
        copy = model_weights.equal_copy(model)
        x, _ = support.data()
        before = model.predict(x, verbose=0)
        np.testing.assert_array_equal(copy.predict(x, verbose=0), before)
        for variable in copy.weights:
            variable.assign(variable + 1)
        np.testing.assert_array_equal(model.predict(x, verbose=0), before)

    def test_a_copy_has_no_optimizer(self, make):
        model = make()
        model.compile("adam", support.cross_entropy())
        model.fit(*support.data(), verbose=0)
        copy = model_weights.equal_copy(model)
        self.assertIsNone(getattr(copy, "optimizer", None))


if __name__ == "__main__":
    absltest.main()
