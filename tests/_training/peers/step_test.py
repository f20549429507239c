"""How often peers run, in which mode, and what that leaves behind."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.losses import SoftTargets
from tests import support
from tests.peers import communities
from tests.support import cross_entropy

WAYS = (
    {"exchange": "together"},
    {"exchange": "in_turn"},
    {"exchange_every": 2},
    {"exchange": "in_turn", "shards": True},
)


@keras.saving.register_keras_serializable("tests")
class Counting(keras.layers.Layer):
    """Counts its passes at run time, also those that change no variable."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.passes = []

    def call(self, x, training=None):
        def count(x):
            self.passes.append(bool(training))
            return x

        y = tf.numpy_function(count, [x], x.dtype, stateful=True)
        y = tf.ensure_shape(y, x.shape)
        # Values from Python have no gradient.
        return x + keras.ops.stop_gradient(y - x)


def unstable(width, name):
    """A net with batch statistics and dropout."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(width),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3),
        ],
        name=name,
    )


def with_ids(x):
    return keras_kd.batch.attach(x, example_ids=np.arange(len(x)))


class PeerStepTest(parameterized.TestCase):
    @parameterized.named_parameters(
        # Trained once; asked anew once, if one comes after it.
        ("together", {"exchange": "together"}, [[True], [True]]),
        ("in_turn", {"exchange": "in_turn"}, [[True, True], [True]]),
        ("stale", {"exchange_every": 2}, [[True, False], [True, False]]),
        ("shards", {"shards": True}, [[True, True], [True, True]]),
    )
    def test_a_step_runs_each_peer_as_often_as_said(self, kwargs, expected):
        models = [
            keras.Sequential(
                [keras.Input((4,)), Counting(), keras.layers.Dense(3)]
            )
            for _ in range(2)
        ]
        distiller = keras_kd.MutualDistiller(
            peers=models, distillation_losses=SoftTargets(), **kwargs
        )
        distiller.compile("sgd", run_eagerly=True)
        counts = [model.layers[0].passes for model in models]
        for passes in counts:
            passes.clear()
        x, _ = communities.data(communities.vectors)
        distiller.train_on_batch(with_ids(x))
        self.assertEqual(counts, expected)
        distiller.test_on_batch(x)
        expected = [passes + [False] for passes in expected]
        self.assertEqual(counts, expected)

    @parameterized.parameters(*WAYS)
    def test_batch_statistics_move_once(self, **kwargs):
        x, y = communities.data(communities.vectors)
        models = communities.peers(2, unstable)
        norms = [model.get_layer("norm") for model in models]
        distiller = keras_kd.MutualDistiller(
            peers=models, distillation_losses=SoftTargets(), **kwargs
        )
        distiller.compile("sgd", cross_entropy(), run_eagerly=True)
        distiller.train_on_batch(with_ids(x), y)
        for index, norm in enumerate(norms):
            mine = x[index::2] if kwargs.get("shards") else x
            # Keras: 0.99 of the old mean, 0, and 0.01 of the batch's.
            np.testing.assert_allclose(
                norm.moving_mean, 0.01 * mine.mean(axis=0), rtol=1e-4, atol=1e-7
            )

    @parameterized.parameters(*WAYS)
    def test_the_dropout_of_training_is_drawn_once(self, **kwargs):
        x, y = communities.data(communities.vectors)
        seeds = []
        for one in ({"exchange": "together"}, kwargs):
            models = communities.peers(2, unstable)
            states = [
                v
                for model in models
                for v in model.variables
                if all(v is not weight for weight in model.weights)
            ]
            self.assertLen(states, 2)
            distiller = keras_kd.MutualDistiller(
                peers=models, distillation_losses=SoftTargets(), **one
            )
            distiller.compile("sgd", cross_entropy(), run_eagerly=True)
            before = support.values(states)
            distiller.train_on_batch(with_ids(x), y)
            seeds.append(support.values(states))
            self.assertGreater(support.largest_difference(before, seeds[-1]), 0)
        self.assertEqual(support.largest_difference(*seeds), 0)

    @parameterized.parameters(*WAYS)
    def test_evaluate_changes_no_variable(self, **kwargs):
        x, y = communities.data(communities.vectors)
        distiller = communities.made(make=unstable, **kwargs)
        distiller.compile("adam", loss=cross_entropy())
        distiller.fit(with_ids(x), y, verbose=0)
        variables = [
            *distiller.variables,
            *(v for one in distiller.optimizers for v in one.variables),
        ]
        before = support.values(variables)
        distiller.evaluate(x, y, verbose=0)
        distiller.predict(x, verbose=0)
        after = support.values(variables)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_validation_compares_the_peers_of_now(self):
        x, y = communities.data(communities.vectors)
        logs = []
        for every in (1, 100):
            distiller = communities.made(exchange_every=every)
            distiller.compile("sgd", cross_entropy(), run_eagerly=True)
            for new, peer in zip(
                communities.peers(2, seed=7), distiller.peers, strict=True
            ):
                peer.set_weights(new.get_weights())
            logs.append(distiller.evaluate(x, y, verbose=0, return_dict=True))
        self.assertEqual(*logs)

    @parameterized.named_parameters(
        ("eager", {"exchange": "in_turn"}, {"run_eagerly": True}),
        ("compiled", {"exchange": "in_turn"}, {"jit_compile": True}),
        ("several_steps", {"exchange_every": 2}, {"steps_per_execution": 4}),
    )
    def test_ways_of_running_agree(self, kwargs, settings):
        x, y = support.data(20)
        results = []
        for compiled in ({}, settings):
            distiller = communities.made(**kwargs)
            distiller.compile(
                keras.optimizers.SGD(0.1), cross_entropy(), **compiled
            )
            distiller.fit(x, y, batch_size=8, shuffle=False, verbose=0)
            results.append(support.values(distiller.weights))
        self.assertLess(support.largest_difference(*results), 1e-6)

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_half_precision_moves_the_weights_as_far(self, policy):
        x, y = support.data(64)
        results = []
        for dtype in ("float32", policy):
            keras.config.set_dtype_policy(dtype)
            self.addCleanup(keras.config.set_dtype_policy, "float32")
            models = communities.peers(2)
            keras.config.set_dtype_policy("float32")
            distiller = keras_kd.MutualDistiller(
                peers=models, distillation_losses=SoftTargets()
            )
            before = support.values(distiller.weights)
            distiller.compile(keras.optimizers.SGD(0.1), cross_entropy())
            distiller.fit(x, y, verbose=0)
            after = support.values(distiller.weights)
            results.append([b - a for a, b in zip(before, after, strict=True)])
            for one in distiller.optimizers:
                self.assertEqual(
                    isinstance(one, keras.optimizers.LossScaleOptimizer),
                    dtype == "mixed_float16",
                )
        largest = max(np.abs(move).max() for move in results[0])
        self.assertLess(support.largest_difference(*results), 0.05 * largest)

    @pytest.mark.slow
    def test_nan_names_the_peer(self):
        x, _ = communities.data(communities.vectors)
        for count in (2, 3):
            distiller = communities.made(count)
            distiller.compile("sgd", jit_compile=False)
            bias = distiller.peers[1].get_layer("head").bias
            bias.assign([0.0, float("nan"), 0.0])
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError,
                'peer "net_1" must give finite numbers.*Received: NaN',
            ):
                distiller.train_on_batch(x)


support.mark_slow(PeerStepTest, "test_ways", but=["_eager"])
support.mark_slow(PeerStepTest, "test_evaluate")
support.mark_slow(PeerStepTest, "test_half")


if __name__ == "__main__":
    absltest.main()
