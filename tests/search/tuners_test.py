import shutil
from unittest import mock

import keras_tuner
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import search
from keras_kd.search import chief
from tests import support
from tests.search import scored
from tests.search import small_pairs


class OverwriteTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.project = self.folder / "search"

    def overwrite(self):
        return scored.make_tuner(
            self.folder, scored.Scored(), max_trials=2, overwrite=True
        )

    def assert_kept(self, regex):
        before = sorted(self.folder.rglob("*"))
        with self.assertRaisesRegex(ValueError, regex):
            self.overwrite()
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_a_search_is_begun_anew(self):
        scored.run(scored.make_tuner(self.folder, scored.Scored()))
        self.assertLen(scored.values(self.overwrite()), 0)

    @parameterized.parameters(
        "thesis.txt", "notes.json", "oracle.json", "trial_data/mine.csv"
    )
    def test_a_folder_with_something_else_is_kept(self, name):
        path = self.project / name
        path.parent.mkdir(parents=True)
        path.write_text('{"mine": 1}')
        self.assert_kept(
            f"hold nothing but what keras_kd has.*Received: {name}"
        )

    def test_links_are_kept_and_not_followed(self):
        scored.run(scored.make_tuner(self.folder, scored.Scored()))
        (self.project / "trial_9").symlink_to(support.folder(self))
        self.assert_kept("trial_9' must be no link")

    def test_a_worker_deletes_nothing(self):
        scored.run(scored.make_tuner(self.folder, scored.Scored()))
        before = sorted(self.folder.rglob("*"))
        with (
            mock.patch.object(chief, "is_worker", return_value=True),
            mock.patch.object(chief, "wait"),
        ):
            self.overwrite()
        self.assertEqual(sorted(self.folder.rglob("*")), before)


class Unfitted(search.DistillationHyperModel):
    """Scores a trial by nothing."""

    def fit(self, hp, model, *args, **kwargs):
        return {"score": 0.0}


class Stop(BaseException):
    """As Ctrl-C, which keras-tuner does not catch."""


def stop_at(stop):
    def before(count):
        if count == stop:
            raise Stop

    return before


class MakeTunerTest(parameterized.TestCase):
    @parameterized.parameters("random", "bayesian")
    def test_the_first_trial_is_the_default(self, name):
        tuner = scored.make_tuner(support.folder(self), scored.Scored(), name)
        scored.run(tuner)

        found = list(scored.values(tuner).values())
        self.assertEqual(found[0], scored.KNOB.default)
        self.assertLen(set(found), 5)
        # The best is then no worse than the default.
        self.assertGreaterEqual(
            tuner.oracle.get_best_trials()[0].score, -((1.0 - 3.0) ** 2)
        )

    def test_hyperband_keeps_its_own_knobs(self):
        tuner = scored.make_tuner(
            support.folder(self), scored.Scored(), "hyperband", max_epochs=4
        )
        scored.run(tuner)

        first = next(iter(tuner.oracle.trials.values())).hyperparameters.values
        self.assertEqual(first["number"], scored.KNOB.default)
        self.assertEqual(first["tuner/epochs"], 2)
        self.assertLen(tuner.oracle.trials, 5)

    @pytest.mark.slow
    @support.eagerly()
    def test_the_model_of_another_trial_is_refused(self):
        folder = support.folder(self)
        data = np.zeros((8, 4)), np.zeros((8, 3))

        def build(hp):
            model = support.dense(4)
            model.compile(hp.Choice("name", ["sgd", "adam"]), "mse")
            return model

        tuner = search.make_tuner(
            "grid", build, objective="val_loss", directory=folder
        )
        with mock.patch("gc.collect"):
            tuner.search(*data, validation_data=data, verbose=0)
        tuner.get_best_models()
        best, other = (
            folder / "search" / f"trial_{trial.trial_id}"
            for trial in tuner.oracle.get_best_trials(2)
        )
        name = "checkpoint.weights.h5"
        shutil.copyfile(other / name, best / name)
        with self.assertRaisesRegex(
            ValueError, f"model of a trial is damaged.*{best.name}/{name}"
        ):
            tuner.get_best_models()

    def test_a_grid_stays_a_grid(self):
        folder = support.folder(self)
        tuner = scored.make_tuner(folder, scored.Scored(), "grid")
        plain = keras_tuner.GridSearch(
            scored.Scored(),
            objective=keras_tuner.Objective("score", "max"),
            max_trials=5,
            directory=folder,
            project_name="plain",
        )
        scored.run(tuner)
        scored.run(plain)

        self.assertEqual(
            list(scored.values(tuner).values()),
            list(scored.values(plain).values()),
        )

    def test_each_ended_trial_is_told(self):
        told = []
        tuner = scored.make_tuner(
            support.folder(self), scored.Scored(), on_trial=told.append
        )
        scored.run(tuner)
        self.assertEqual(
            [(t.trial_id, t.status) for t in told],
            [(str(n), "COMPLETED") for n in range(5)],
        )

    # Bayes' optimizer draws at random from its fourth trial on, and keras-tuner
    # does not keep its generator: stopped later, it would end elsewhere.
    @parameterized.parameters("random", "bayesian", "grid")
    def test_a_stopped_search_goes_on_to_the_same_end(self, name):
        whole = scored.make_tuner(support.folder(self), scored.Scored(), name)
        scored.run(whole)
        folder, said = support.folder(self), []

        stopped = scored.make_tuner(folder, scored.Scored(stop_at(2)), name)
        with self.assertRaises(Stop):
            scored.run(stopped)
        again = scored.Scored()
        tuner = scored.make_tuner(folder, again, name, say=said.append)
        scored.run(tuner)

        # Bayes' optimizer is repeated to some 8 digits only.
        self.assertEqual(
            {n: round(float(v), 6) for n, v in scored.values(tuner).items()},
            {n: round(float(v), 6) for n, v in scored.values(whole).items()},
        )
        self.assertEqual(scored.statuses(tuner), ["COMPLETED"] * 5)
        self.assertEqual(again.count, 3)
        self.assertEqual(
            said,
            ["Trial 2 was cut off: it starts again with the same values."],
        )

    def test_a_search_stopped_in_its_first_trial_keeps_its_values(self):
        folder = support.folder(self)
        stopped = scored.make_tuner(
            folder, scored.Scored(stop_at(0)), seed=None
        )
        with self.assertRaises(Stop):
            scored.run(stopped)
        seed = stopped.oracle.seed

        tuner = scored.make_tuner(folder, scored.Scored(), seed=None)
        self.assertEqual(tuner.oracle.seed, seed)

    def test_refuses_to_go_on_with_other_knobs(self):
        folder = support.folder(self)
        scored.run(scored.make_tuner(folder, scored.Scored()))
        other = search.Range(0.0, 2.0, default=1.0)
        with mock.patch.object(scored, "KNOB", other):
            with self.assertRaisesRegex(
                ValueError, "knobs must be those.*Received: other.*number"
            ):
                scored.make_tuner(folder, scored.Scored())

    def test_leaves_alone_what_is_none_of_a_search(self):
        folder = support.folder(self)
        (folder / "search").mkdir()
        (folder / "search" / "mine.py").write_text("x = 1")
        scored.run(scored.make_tuner(folder, scored.Scored()))
        self.assertTrue((folder / "search" / "mine.py").exists())

    def test_a_folder_without_trials_loses_no_file_of_the_user(self):
        folder = support.folder(self)
        (folder / "search").mkdir()
        mine = folder / "search" / "mine.json"
        mine.write_text("{}")
        scored.make_tuner(folder, scored.Scored())
        self.assertTrue(mine.exists())

    def test_a_seed_of_zero_is_a_seed(self):
        found = []
        for _ in range(2):
            tuner = scored.make_tuner(
                support.folder(self), scored.Scored(), seed=0, max_trials=2
            )
            scored.run(tuner)
            found.append(scored.values(tuner))
        self.assertEqual(*found)

    @pytest.mark.slow
    def test_a_grid_takes_what_its_oracle_takes(self):
        tuner = scored.make_tuner(
            support.folder(self),
            scored.Scored(),
            "grid",
            max_consecutive_failed_trials=7,
        )
        self.assertEqual(tuner.oracle.max_consecutive_failed_trials, 7)

    def test_overwrite_begins_anew(self):
        folder = support.folder(self)
        scored.run(scored.make_tuner(folder, scored.Scored()))
        tuner = scored.make_tuner(folder, scored.Scored(), overwrite=True)
        self.assertEmpty(tuner.oracle.trials)

    @parameterized.parameters("random", "grid")
    @pytest.mark.slow
    def test_the_same_seed_lists_the_same_trials(self, name):
        """Each within its range, none twice, whatever process and folder."""
        space = {
            "optimizer": "adam",
            "soft_targets.loss_weight": 0.9,
            "soft_targets.temperature": search.Choice((2.0, 4.0, 8.0)),
            "learning_rate": search.Choice((0.001, 0.01)),
        }
        found = []
        for _ in range(2):
            made = Unfitted(
                teacher=small_pairs.TEACHER,
                student=small_pairs.STUDENT,
                knobs=space,
            )
            tuner = scored.make_tuner(
                support.folder(self), made, name, max_trials=None
            )
            scored.run(tuner)
            found.append([r.knobs for r in search.results(tuner)])
        self.assertEqual(*found)
        trials = {tuple(sorted(one.items())) for one in found[0]}
        self.assertLen(trials, len(found[0]))
        for one in found[0]:
            self.assertIn(one["soft_targets.temperature"], (2.0, 4.0, 8.0))
            self.assertIn(one["learning_rate"], (0.001, 0.01))
            self.assertIn(one["temperature_schedule"], ("constant", "falling"))
        # All combinations, or the 10 that keras-tuner draws of them.
        self.assertLen(found[0], 12 if name == "grid" else 10)

    @parameterized.parameters(
        (dict(tuner="best"), "'random', 'bayesian'.*tuner='best'"),
        (dict(max_trials=0), "max_trials.*0"),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            scored.make_tuner(
                support.folder(self), scored.Scored(), **arguments
            )


if __name__ == "__main__":
    absltest.main()
