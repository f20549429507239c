import dataclasses

import keras
import keras_tuner
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd.cli import search_knobs
from keras_kd.cli import search_space
from keras_kd.cli.search_settings import SearchSettings
from keras_kd.cli.search_settings import resolve
from tests.cli import small_jobs


def space(**given):
    settings = SearchSettings(**given)
    bench = small_jobs.bench(alternatives=resolve(settings))
    return search_space.Space(
        bench, search_knobs.knobs(bench.alternatives, settings), settings.seeds
    )


def tried(space, **values):
    """Settings of a trial with some values, and names of all its knobs."""
    hp = keras_tuner.HyperParameters()
    space.choose(hp)
    hp.values |= values
    hp.ensure_active_values()
    return space.choose(hp), {knob.name for knob in hp.space}


class ChooseTest(absltest.TestCase):
    def test_only_the_knobs_of_the_method_count(self):
        both = space(methods=("soft_targets", "hints"))
        soft, names = tried(both, temperature=3.0)
        self.assertEqual((soft.method, soft.temperature), ("soft_targets", 3.0))
        self.assertLen(names, 7)
        hints, _ = tried(both, **{"method": "hints", "hints.loss_weight": 7.0})
        self.assertEqual(
            (hints.method, hints.temperature, hints.loss_weight),
            ("hints", None, 7.0),
        )

    def test_fixed_values_reach_every_trial(self):
        one = space(methods=("soft_targets",), temperature=2.0)
        chosen, names = tried(one, loss_weight=5.0)
        self.assertEqual((chosen.temperature, chosen.loss_weight), (2.0, 5.0))
        self.assertNotIn("temperature", names)
        self.assertNotIn("method", names)

    def test_settings_can_be_read_back_from_the_values_that_counted(self):
        both = space(methods=("soft_targets", "hints"))
        values = {
            "method": "hints",
            "hints.loss_weight": 7.0,
            "hints.student_loss_weight": 0.5,
            "learning_rate": 0.02,
        }
        self.assertEqual(both.settings(values), tried(both, **values)[0])


class TrialTest(absltest.TestCase):
    """One student, which the rest of the command line could train too."""

    def setUp(self):
        super().setUp()
        self.enter_context(small_jobs.small())
        self.space = space(
            methods=("hints_and_soft_targets",),
            epochs=2,
            fraction=0.5,
            batch_size=24,
            seeds=2,
        )
        bench = small_jobs.with_answers(self, self.space.bench)
        self.space = search_space.Space(bench, self.space.knobs, 2)

    def train(self, callbacks=(), **options):
        hp = keras_tuner.HyperParameters()
        distiller = self.space.build(hp)
        score = self.space.fit(hp, distiller, callbacks, **options)
        return distiller, score["val_accuracy"]

    def test_is_what_the_bench_trains_with_these_settings(self):
        settings = self.space.settings(
            {
                "temperature": 8.0,
                "loss_weight": 1.0,
                "student_loss_weight": 0.1,
                "learning_rate": 0.01,
            }
        )
        bench = self.space.bench.with_settings(settings)
        expected = bench.train("distilled", 0.01, search_space.FIRST_SEED)
        distiller, score = self.train()
        for ours, theirs in zip(
            distiller.student.get_weights(),
            expected.model.get_weights(),
            strict=True,
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
        self.assertEqual(score, expected.history["val_accuracy"][-1])
        saved = self.space.best_student(distiller)
        for ours, theirs in zip(
            saved.get_weights(), expected.saved.get_weights(), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)

    @pytest.mark.slow
    def test_each_trial_has_each_seed(self):
        seeds = [self.space.seed]
        first, _ = self.train(epochs=1)
        seeds.append(self.space.seed)
        second, _ = self.train(epochs=1)
        self.assertEqual(seeds, [3000, 3001])
        self.assertEqual(self.space.seed, 3000)
        third, _ = self.train(epochs=1)
        first, second, third = (
            one.student.get_weights()[0] for one in (first, second, third)
        )
        np.testing.assert_allclose(third, first, rtol=1e-4, atol=1e-6)
        self.assertGreater(np.abs(second - first).max(), 1e-3)

    def test_what_is_kept_is_what_was_scored(self):
        seen = []
        callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: seen.append(
                (epoch, logs["val_accuracy"])
            )
        )
        _, score = self.train([callback])
        self.assertEqual(seen, [(1, score)])

    def test_a_part_of_the_epochs_has_the_rates_of_the_whole(self):
        distiller, _ = self.train(epochs=1)
        # Two batches an epoch, and two epochs until the rate is zero.
        self.assertEqual(int(distiller.optimizer.iterations.numpy()), 2)
        self.assertAlmostEqual(
            float(distiller.optimizer.learning_rate), 0.005, places=6
        )


class BenchTest(absltest.TestCase):
    def test_names_the_flag_that_chose_the_methods(self):
        bench = small_jobs.bench(
            alternatives=resolve(
                SearchSettings(methods=("hints", "soft_targets"))
            )
        )
        self.assertEqual(bench.method_flag, "--methods=hints,soft_targets")
        hints, _ = bench.variants()
        self.assertEqual(hints.method_flag, "--method=hints")
        self.assertLen(bench.cached_losses(), 2)
        one = dataclasses.replace(bench, alternatives=())
        self.assertLen(one.variants(), 1)


if __name__ == "__main__":
    absltest.main()
