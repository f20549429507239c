from unittest import mock

import keras
import numpy as np
from absl.testing import absltest

from keras_kd._core import costs
from keras_kd._core import latency as turns
from tests import support

IMAGES = np.zeros((3, 4), "float32")


class Clock:
    """Goes on when a model is called, and not otherwise."""

    def __init__(self, slow_after=10**9):
        self.now = 0.0
        self.calls = []
        self.slow_after = slow_after

    def model(self, name, seconds):
        """A model that takes so long, ten times as long when it is slow."""
        durations = iter(np.broadcast_to(seconds, 1000))

        def call(images, training):
            self.calls.append(name)
            slow = 10 if len(self.calls) > self.slow_after else 1
            self.now += slow * next(durations)
            return images

        call.variables = ()
        return call


class InTurnTest(absltest.TestCase):
    def time(self, clock, *models):
        with (
            mock.patch.object(costs.backend, "compiled", lambda f, _: f),
            mock.patch("time.perf_counter", lambda: clock.now),
        ):
            return costs.in_turn(models, IMAGES)

    def test_every_round_calls_each_model_once(self):
        clock = Clock()
        self.time(clock, clock.model("a", 1), clock.model("b", 1))

        timed = clock.calls[2 * turns.WARM_UP :]
        self.assertLen(timed, 2 * turns.ROUNDS)
        rounds = {"".join(timed[i : i + 2]) for i in range(0, len(timed), 2)}
        self.assertEqual(rounds, {"ab", "ba"})

    def test_gives_median_and_quartiles_without_the_warm_up(self):
        clock = Clock()
        first = np.full(turns.WARM_UP, 1e6)
        timed = np.random.default_rng(0).permutation(turns.ROUNDS)
        model = clock.model("a", np.concatenate([first, timed, [0] * 895]))

        (found,) = self.time(clock, model)

        # Of 0 to 99: in the middle, and a quarter of 99 from either end.
        self.assertAlmostEqual(found.median, 49.5)
        self.assertAlmostEqual(found.low, 24.75)
        self.assertAlmostEqual(found.high, 74.25)

    def test_a_load_that_begins_midway_does_not_turn_the_order(self):
        # One after the other, the small one would have been slow throughout.
        clock = Clock(slow_after=turns.ROUNDS + 2 * turns.WARM_UP)
        large, small = self.time(
            clock, clock.model("large", 2.0), clock.model("small", 1.0)
        )
        for quantile in ("low", "median", "high"):
            self.assertLess(getattr(small, quantile), getattr(large, quantile))

    def test_times_what_keras_models_take_for_inference(self):
        seen = []

        class Watched(keras.layers.Layer):
            def call(self, x, training=None):
                seen.append((training, x.shape[1:]))
                return x

        model = keras.Sequential([keras.Input((4,)), Watched()])
        seen.clear()
        (found,) = costs.in_turn([model], IMAGES)
        # Compiled: recorded once.
        self.assertEqual(seen, [(False, (4,))])
        self.assertBetween(found.median, found.low, found.high)
        self.assertGreater(found.low, 0)

    def test_times_a_model_of_several_inputs_and_outputs(self):
        first = keras.Input((2,), name="first")
        second = keras.Input((3,), name="second")
        model = keras.Model(
            {"first": first, "second": second},
            [keras.layers.Dense(1)(first), keras.layers.Dense(1)(second)],
        )
        x = {"first": np.zeros((1, 2)), "second": np.zeros((1, 3))}
        (found,) = costs.in_turn([model], x)
        self.assertGreater(found.low, 0)


class SavedBytesTest(absltest.TestCase):
    def test_is_the_size_of_the_file_without_an_optimizer(self):
        path = support.folder(self) / "model.keras"
        model = support.dense(50)
        model.save(path)
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
        # The config of a copy is some bytes shorter; Adam's moments are twice
        # the weights.
        size = path.stat().st_size
        self.assertAlmostEqual(
            costs.saved_bytes(model), size, delta=0.01 * size
        )
        self.assertGreater(2 * 4 * model.count_params(), 0.1 * size)
        self.assertTrue(model.compiled)


if __name__ == "__main__":
    absltest.main()
