"""Each peer has an optimizer of its own, that does what the first does."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._training.peers import compiling
from keras_kd.losses import SoftTargets
from tests import support
from tests.peers import communities
from tests.support import cross_entropy

schedules = keras.optimizers.schedules


@keras.saving.register_keras_serializable("tests")
class Halving(schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.2 * 0.5 ** keras.ops.cast(step, "float32")

    def get_config(self):
        return {}


class Unregistered(schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.1

    def get_config(self):
        return {}


def three_tenths():
    return 0.3


def rate(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


class OptimizersTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("momentum", lambda: keras.optimizers.SGD(0.1, momentum=0.9)),
        ("adam", lambda: keras.optimizers.Adam(0.05, clipnorm=0.1)),
        ("schedule", lambda: keras.optimizers.SGD(Halving())),
        (
            "cosine",
            lambda: keras.optimizers.Adam(schedules.CosineDecay(0.1, 4)),
        ),
        (
            "accumulated",
            lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
        ),
        ("decay", lambda: keras.optimizers.AdamW(0.05, weight_decay=0.5)),
    )
    def test_each_peer_is_updated_as_by_its_own(self, make):
        x, y = communities.data(communities.vectors)
        distiller = communities.made(3, exchange="in_turn")
        others = communities.ByDistillers(
            distiller.peers,
            lambda: SoftTargets(2.0),
            make,
            loss=cross_entropy(),
        )
        distiller.compile(make(), cross_entropy(), run_eagerly=True)
        for _ in range(4):
            distiller.train_on_batch(x, y)
            others.step(x, y, exchange="in_turn")
        self.assertLess(
            communities.difference(others.students, distiller.peers), 2e-6
        )

    @pytest.mark.slow
    def test_a_rate_that_a_callback_sets_is_that_of_all(self):
        x, y = communities.data(communities.vectors)
        distiller = communities.made(3)
        distiller.compile(keras.optimizers.SGD(0.1), cross_entropy())
        callback = keras.callbacks.LearningRateScheduler(
            lambda epoch, rate: [0.1, 0.0][epoch]
        )
        before = [peer.get_weights() for peer in distiller.peers]
        distiller.fit(x, y, epochs=1, verbose=0, callbacks=[callback])
        middle = [peer.get_weights() for peer in distiller.peers]
        distiller.fit(
            x, y, initial_epoch=1, epochs=2, verbose=0, callbacks=[callback]
        )
        after = [peer.get_weights() for peer in distiller.peers]
        for old, new, last in zip(before, middle, after, strict=True):
            self.assertGreater(support.largest_difference(old, new), 1e-4)
            self.assertEqual(support.largest_difference(new, last), 0)
        self.assertEqual([rate(one) for one in distiller.optimizers], [0, 0, 0])

    def test_a_loss_scale_is_copied(self):
        first = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=3
        )
        copy = compiling.copy_of(first)
        self.assertEqual(
            (copy.initial_scale, copy.dynamic_growth_steps), (8, 3)
        )
        self.assertIsNot(copy.inner_optimizer, first.inner_optimizer)
        first.learning_rate = 0.5
        self.assertEqual(rate(copy), 0.5)

    def test_a_rate_that_is_a_function_is_shared(self):
        copy = compiling.copy_of(keras.optimizers.SGD(three_tenths))
        self.assertAlmostEqual(rate(copy), 0.3)

    def test_what_weight_decay_leaves_out_is_left_out_for_all(self):
        x, _ = communities.data(communities.vectors)
        adam = keras.optimizers.AdamW(0.05, weight_decay=0.9)
        adam.exclude_from_weight_decay(var_names=["kernel"])
        distiller = communities.made()
        distiller.hyperparameter("soft_targets.loss_weight").assign(0.0)
        distiller.compile(adam, run_eagerly=True)
        biases = [peer.get_layer("head").bias for peer in distiller.peers]
        kernels = [peer.get_layer("head").kernel for peer in distiller.peers]
        for bias in biases:
            bias.assign(np.ones(3))
        before = support.values(kernels)
        distiller.train_on_batch(x)
        after = support.values(kernels)
        self.assertEqual(support.largest_difference(before, after), 0)
        for bias in support.values(biases):
            np.testing.assert_allclose(bias, 1 - 0.05 * 0.9, rtol=1e-5)

    def test_compiling_with_the_same_optimizer_keeps_all(self):
        x, y = communities.data(communities.vectors)
        distiller = communities.made()
        distiller.compile("adam", cross_entropy(), run_eagerly=True)
        distiller.train_on_batch(x, y)
        before = distiller.optimizers
        distiller.compile(distiller.optimizer, cross_entropy())
        self.assertEqual(distiller.optimizers, before)
        distiller.compile("adam", cross_entropy())
        self.assertIsNot(distiller.optimizers[1], before[1])

    @parameterized.parameters(False, True)
    def test_averages_of_weights_are_refused(self, is_scaled):
        adam = keras.optimizers.Adam(use_ema=True)
        if is_scaled:
            adam = keras.optimizers.LossScaleOptimizer(adam)
        with self.assertRaisesRegex(
            ValueError, r"no.* averages.*Received: Adam\(use_ema=True\)"
        ):
            communities.made().compile(adam)

    def test_a_schedule_that_cannot_be_copied_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "what its config says.*Received: SGD.*register"
        ):
            compiling.copy_of(keras.optimizers.SGD(Unregistered()))

    def test_a_frozen_peer_is_refused(self):
        distiller = communities.made()
        distiller.peers[1].trainable = False
        with self.assertRaisesRegex(
            ValueError,
            r'`peers\[1\]` must have trainable .*="net_1"',
        ):
            distiller.compile("sgd")

    def test_a_peer_that_is_frozen_after_compile_is_refused(self):
        distiller = communities.made()
        distiller.compile("sgd")
        distiller.peers[1].trainable = False
        with self.assertRaisesRegex(ValueError, r"`peers\[1\]` must have"):
            distiller.fit(*support.data(), verbose=0)


support.mark_slow(OptimizersTest, "test_each_peer")


if __name__ == "__main__":
    absltest.main()
