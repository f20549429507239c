import shutil

import keras_tuner
from absl.testing import absltest

from keras_kd import search
from tests import support


class Scored(keras_tuner.RandomSearch):
    """Scores a setting without training; the second trial fails."""

    def run_trial(self, trial, **kwargs):
        hp = trial.hyperparameters
        x = hp.Float("x", 0.0, 1.0)
        if hp.Choice("kind", ["plain", "deep"]) == "deep":
            with hp.conditional_scope("kind", ["deep"]):
                hp.Int("depth", 2, 9, sampling="log")
        if trial.trial_id == "1":
            raise keras_tuner.errors.FailedTrialError("nothing came of it")
        return {"accuracy": x, "loss": 1 - x}


def tuner(folder, objective="accuracy"):
    made = Scored(
        objective=keras_tuner.Objective(
            objective, "max" if objective == "accuracy" else "min"
        ),
        max_trials=6,
        seed=3,
        directory=folder,
        project_name="search",
    )
    made.search(verbose=0)
    return made


class ResultsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    def test_the_best_come_first_and_the_failed_last(self):
        found = search.results(tuner(self.folder))
        self.assertLen(found, 6)
        scores = [one.score for one in found[:5]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(scores, [one.knobs["x"] for one in found[:5]])
        failed = found[-1]
        self.assertEqual(
            (failed.trial_id, failed.number, failed.status, failed.score),
            ("1", 2, "FAILED", None),
        )
        self.assertIn("nothing came of it", failed.message)
        self.assertCountEqual([one.number for one in found], range(1, 7))

    def test_only_knobs_that_counted_are_there(self):
        kinds = {"plain": set(), "deep": set()}
        for one in search.results(tuner(self.folder)):
            kinds[one.knobs["kind"]].add("depth" in one.knobs)
        self.assertEqual(kinds, {"plain": {False}, "deep": {True}})

    def test_ranges_tell_how_they_were_sampled(self):
        for one in search.results(tuner(self.folder)):
            is_deep = one.knobs["kind"] == "deep"
            self.assertEqual(
                one.sampling,
                {"x": "linear"} | ({"depth": "log"} if is_deep else {}),
            )

    def test_the_folder_tells_the_same(self):
        found = search.results(tuner(self.folder))
        self.assertEqual(search.results(self.folder / "search"), found)

    def test_the_smallest_can_be_the_best(self):
        found = search.results(tuner(self.folder, "loss"))
        scores = [one.score for one in found[:5]]
        self.assertEqual(scores, sorted(scores))
        self.assertEqual(search.results(self.folder / "search"), found)

    def test_a_direction_can_be_given(self):
        tuner(self.folder)
        found = search.results(self.folder / "search", direction="min")
        scores = [one.score for one in found[:5]]
        self.assertEqual(scores, sorted(scores))

    def test_refuses_an_unknown_direction(self):
        with self.assertRaisesRegex(
            ValueError, "`direction` must be.*Received: direction='up'"
        ):
            search.results(self.folder, direction="up")

    def test_refuses_a_folder_without_a_search(self):
        with self.assertRaisesRegex(
            ValueError, "`source` must be a tuner or the folder.*Received: sour"
        ):
            search.results(self.folder)

    def test_refuses_a_score_that_is_no_metric(self):
        made = tuner(self.folder)
        shutil.copytree(made.project_dir, self.folder / "other")
        for path in (self.folder / "other").glob("trial_*/trial.json"):
            # Neither the accuracy nor the loss, which are at most 1.
            text = path.read_text().replace('"score": 0', '"score": 5')
            path.write_text(text)
        with self.assertRaisesRegex(
            ValueError, "`direction` must be given.*Received: source="
        ):
            search.results(self.folder / "other")


if __name__ == "__main__":
    absltest.main()
