"""Several steps at once on several replicas, and what they cannot do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support
from tests.replicas import assert_trained_alike
from tests.replicas import two_replicas


def distiller(steps=1, optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    made = support.distiller()
    made.compile(
        optimizer or keras.optimizers.Adam(0.05),
        support.cross_entropy(),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        steps_per_execution=steps,
        **kwargs,
    )
    return made


def fit_weighted(made):
    """Three batches an epoch, of which the last has 3 + 2 examples."""
    x, y = support.data(17)
    return made.fit(
        x,
        y,
        batch_size=6,
        sample_weight=np.random.default_rng(0).random(17),
        validation_data=(x, y),
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history


class StepsTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.single = distiller()
        cls.before = support.values(cls.single.weights)
        cls.history = fit_weighted(cls.single)

    # By 2 steps there are groups of 2 and 1; 4 are more than there are.
    @parameterized.parameters(2, 4)
    @pytest.mark.slow
    def test_groups_of_steps_equal_single_steps(self, steps):
        with two_replicas().scope():
            double = distiller(steps)

        history = fit_weighted(double)

        assert_trained_alike(
            self.single, double, self.before, (self.history, history)
        )
        self.assertEqual(int(double.optimizer.iterations.numpy()), 6)

    @pytest.mark.slow
    def test_groups_without_a_graph(self):
        x, y = support.data(9)
        single = distiller()
        with two_replicas().scope():
            double = distiller(2, run_eagerly=True)
        before = support.values(single.weights)
        histories = [
            made.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
            for made in (single, double)
        ]
        assert_trained_alike(single, double, before, histories)

    @pytest.mark.slow
    def test_data_of_unknown_length_and_without_labels(self):
        x, _ = support.data(10)

        def batches():
            data = tf.data.Dataset.from_tensor_slices(x)
            return data.filter(lambda row: True).batch(4)

        def made(steps):
            keras.utils.set_random_seed(0)
            result = support.distiller()
            result.compile(keras.optimizers.SGD(0.1), steps_per_execution=steps)
            return result

        single = made(1)
        before = support.values(single.weights)
        with two_replicas().scope():
            double = made(2)
        histories = []
        for one in (single, double):
            # Keras says so wherever it learns the length on the way.
            with self.assertWarnsRegex(UserWarning, "ran out of data"):
                fitted = one.fit(batches(), epochs=2, verbose=0)
            histories.append(fitted.history)
        assert_trained_alike(single, double, before, histories)
        self.assertEqual(int(double.optimizer.iterations.numpy()), 6)

    @pytest.mark.slow
    def test_epochs_that_groups_do_not_divide(self):
        x, y = support.data(40)

        def history(model):
            data = tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(4)
            return model.fit(
                data,
                steps_per_epoch=3,
                validation_data=data,
                validation_steps=3,
                epochs=2,
                verbose=0,
            ).history

        # Keras makes the last group as long as the others, so 4 steps of 3.
        single = distiller(2)
        before = support.values(single.weights)
        with two_replicas().scope():
            double = distiller(2)
        histories = [history(model) for model in (single, double)]
        assert_trained_alike(single, double, before, histories)

    @pytest.mark.slow
    def test_another_compile_makes_other_functions(self):
        x, y = support.data(12)
        with two_replicas().scope():
            double = distiller(2)
            double.fit(x, y, batch_size=4, verbose=0)
            weights = double.get_weights()
            double.compile(
                keras.optimizers.SGD(0.0),
                support.cross_entropy(),
                metrics=[keras.metrics.SparseCategoricalCrossentropy()],
            )
        history = double.fit(x, y, batch_size=4, verbose=0).history

        self.assertIn("sparse_categorical_crossentropy", history)
        for old, new in zip(weights, double.get_weights(), strict=True):
            np.testing.assert_array_equal(new, old)

    @pytest.mark.slow
    def test_predictions_come_in_the_order_of_the_examples(self):
        x, _ = support.data(11)
        with two_replicas().scope():
            double = distiller(2)
        expected = double.student(x)
        np.testing.assert_allclose(
            double.predict(x, batch_size=4, verbose=0), expected, 1e-5, 1e-6
        )
        np.testing.assert_allclose(
            double.predict_on_batch(x), expected, 1e-5, 1e-6
        )

    @pytest.mark.slow
    def test_callbacks_come_once_for_a_group(self):
        x, y = support.data(42)
        batches = []
        watch = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: batches.append(batch)
        )
        with two_replicas().scope():
            double = distiller(4)

        double.fit(x, y, batch_size=6, callbacks=[watch], verbose=0)

        self.assertLen(batches, 2)

    @pytest.mark.slow
    def test_a_batch_by_itself(self):
        x, y = support.data(6)
        single = distiller(steps=4)
        with two_replicas().scope():
            double = distiller(steps=4)

        logs = [
            made.train_on_batch(x, y, return_dict=True)
            for made in (single, double)
        ]
        tested = [
            made.test_on_batch(x, y, return_dict=True)
            for made in (single, double)
        ]

        # Each replica has the whole batch, and the mean over both is the same.
        for one, two in (logs, tested):
            self.assertEqual(list(one), list(two))
            for key, value in one.items():
                np.testing.assert_allclose(two[key], value, 1e-5, 1e-6, key)


class RefusalTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("accumulation", {"gradient_accumulation_steps": 2}),
        ("average", {"use_ema": True, "ema_overwrite_frequency": 3}),
    )
    def test_optimizers_of_one_replica(self, options):
        def optimizer():
            return keras.optimizers.SGD(0.1, **options)

        distiller(optimizer=optimizer())  # One replica can.
        name = list(options)[-1]
        with (
            two_replicas().scope(),
            self.assertRaisesRegex(
                ValueError, f"`{name}=None`.*20582.*SGD with {name}.*2 replicas"
            ),
        ):
            distiller(optimizer=optimizer())

    def test_peers_that_accumulate(self):
        with two_replicas().scope():
            peers = keras_kd.MutualDistiller(
                peers=[support.dense(5), support.dense(7)],
                distillation_losses=keras_kd.losses.SoftTargets(2.0),
            )
            with self.assertRaisesRegex(ValueError, "20582"):
                peers.compile(
                    keras.optimizers.SGD(0.1, gradient_accumulation_steps=2)
                )

    def test_xla(self):
        distiller(jit_compile=True)
        with (
            two_replicas().scope(),
            self.assertRaisesRegex(
                ValueError, "`jit_compile` must.*2 replicas"
            ),
        ):
            distiller(jit_compile=True)


if __name__ == "__main__":
    absltest.main()
