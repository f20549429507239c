import math
from unittest import mock

import keras
import keras_tuner
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import search
from keras_kd.search import limits as of_limits
from tests import support
from tests.search import scored

UNITS = (1, 2, 3, 4, 5, 6)


class Sized(keras_tuner.HyperModel):
    """Searches the units of a layer; the score is their number.

    Args:
        failing: Numbers of units that crash.
        wide: Multiplies the units.
    """

    def __init__(self, failing=(), wide=1):
        super().__init__()
        self.failing = failing
        self.wide = wide
        self.trained = []

    def build(self, hp):
        units = hp.Choice("units", UNITS, default=UNITS[0])
        hp.Choice("other", [1, 2])
        dense = keras.layers.Dense(self.wide * units)
        model = keras.Sequential([keras.Input((3,)), dense])
        model.compile("adam", "mse")
        return model

    def fit(self, hp, model, *args, **kwargs):
        units = hp.get("units")
        self.trained.append(units)
        if units in self.failing:
            raise RuntimeError("a crash")
        return {"score": float(units)}


def parameters(units):
    """Of a layer of three inputs with a bias."""
    return 4 * units


def run(folder, hypermodel, limits, tuner="grid", **kwargs):
    made = scored.make_tuner(
        folder,
        hypermodel,
        tuner,
        limits=limits,
        **{"max_trials": 12} | kwargs,
    )
    scored.run(made)
    return made


def of_units(found):
    """Trials by their units; of two, the last."""
    return {one.knobs["units"]: one for one in found}


class LimitedTrialsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    def test_trains_what_is_within_and_goes_on_after_what_is_not(self):
        hypermodel = Sized()
        tuner = run(self.folder, hypermodel, search.Limits(max_parameters=12))
        self.assertEqual(set(hypermodel.trained), {1, 2, 3})
        found = search.results(tuner)
        # Of each size two: more in a row than crashes may be.
        self.assertEqual(sum(one.is_over for one in found), 6)
        for units, one in of_units(found).items():
            with self.subTest(units):
                count = parameters(units)
                self.assertEqual(one.costs, {"parameters": count})
                self.assertEqual(one.is_over, units > 3)
                if units > 3:
                    self.assertEqual((one.status, one.score), ("FAILED", None))
                    text = f"{count} parameters, over 12"
                    self.assertEqual(one.message, text)
        self.assertEqual(found[0].score, 3.0)
        self.assertEqual(search.results(tuner.project_dir), found)
        best = tuner.get_best_hyperparameters()[0]
        self.assertEqual(best.get("units"), 3)

    @pytest.mark.slow
    def test_a_bayesian_search_learns_what_is_over(self):
        class Finer(Sized):
            def build(self, hp):
                hp.Float("more", 0.0, 1.0)
                return super().build(hp)

        limits = search.Limits(max_parameters=12)
        options = {"max_trials": 14, "num_initial_points": 4}
        tuner = run(self.folder, Finer(), limits, "bayesian", **options)
        found = sorted(search.results(tuner), key=lambda one: one.number)
        late = [one.is_over for one in found[4:]]
        # Left to itself, keras-tuner tries one that is over in all of the
        # last eight: it is larger, and so expected to be better.
        self.assertLessEqual(sum(late), 4)

    def test_crashes_still_end_a_search(self):
        with self.assertRaisesRegex(RuntimeError, "consecutive failures"):
            run(
                self.folder,
                Sized(failing=UNITS),
                search.Limits(max_parameters=math.inf),
            )

    def test_nothing_is_measured_without_limits(self):
        with mock.patch.object(of_limits, "measure") as measure:
            tuner = run(self.folder, Sized(), None, max_trials=2)
        measure.assert_not_called()
        for one in search.results(tuner):
            self.assertEqual((one.costs, one.is_over), ({}, False))

    def test_each_architecture_is_measured_once(self):
        limits = search.Limits(max_milliseconds=math.inf)
        times = iter(range(1, 99))
        with mock.patch.dict(
            of_limits._MEASURES, milliseconds=lambda student: next(times)
        ):
            tuner = run(self.folder, Sized(), limits)
        found = search.results(tuner)
        self.assertLen(found, 12)
        of_size = {}
        for one in found:
            cost = one.costs["milliseconds"]
            self.assertEqual(of_size.setdefault(one.score, cost), cost)
        self.assertCountEqual(of_size.values(), range(1, 7))

    def test_a_resumed_search_keeps_the_costs(self):
        class Killed(BaseException):
            pass

        class Cut(Sized):
            def fit(self, hp, model, *args, **kwargs):
                if len(self.trained) == 3:
                    raise Killed
                return super().fit(hp, model, *args, **kwargs)

        limits = search.Limits(max_milliseconds=math.inf)
        first = mock.patch.dict(
            of_limits._MEASURES, milliseconds=lambda student: 1.0
        )
        second = mock.patch.dict(
            of_limits._MEASURES, milliseconds=lambda student: 2.0
        )
        with first, self.assertRaises(Killed):
            run(self.folder, Cut(), limits)
        with second:
            tuner = run(self.folder, Sized(), limits, say=lambda line: None)
        found = search.results(tuner)
        begun = {one.score for one in found if one.number <= 4}
        costs = {one.score: one.costs["milliseconds"] for one in found}
        for score, cost in costs.items():
            self.assertEqual(cost, 1.0 if score in begun else 2.0)
        self.assertEqual(set(costs.values()), {1.0, 2.0})

    @parameterized.parameters("grid", "random")
    def test_says_where_no_student_is_within(self, kind):
        limits = search.Limits(max_parameters=3, max_bytes=math.inf)
        hypermodel = Sized()
        with self.assertRaisesRegex(
            ValueError,
            "`max_parameters` must leave a student.*Received: max_parameters=3,"
            r" and \d+ trials.*the least seen: 4 parameters, [\d,]+ bytes\. ",
        ):
            run(self.folder, hypermodel, limits, kind)
        self.assertEmpty(hypermodel.trained)

    @parameterized.parameters(None, search.Limits(max_parameters=9))
    def test_refuses_a_folder_with_other_limits(self, other):
        run(self.folder, Sized(), search.Limits(max_parameters=8), max_trials=2)
        with self.assertRaisesRegex(
            ValueError, r"`directory` must be empty or hold.*limits.*8\.0"
        ):
            run(self.folder, Sized(), other, max_trials=2)

    def test_refuses_hyperband(self):
        with self.assertRaisesRegex(
            ValueError, '`tuner` must be another.*Received: tuner="hyperband"'
        ):
            run(self.folder, Sized(), search.Limits(), "hyperband")
        self.assertEmpty(list(self.folder.iterdir()))

    def test_refuses_times_of_students_that_take_any_length(self):
        def build(hp):
            words = keras.layers.Embedding(9, 2)
            return keras.Sequential([keras.Input((None,)), words])

        with self.assertRaisesRegex(
            ValueError, r"`max_milliseconds` must be left out.*\(None, None\)"
        ):
            run(self.folder, build, search.Limits(max_milliseconds=1))

    def test_names_costs_that_were_damaged(self):
        limits = search.Limits(max_parameters=12)
        found = search.results(run(self.folder, Sized(), limits, max_trials=2))
        path = next(self.folder.rglob(f"trial_*/{of_limits.FILE}"))
        path.write_text(path.read_text().replace("4", "5", 1))
        # The journal has them too.
        self.assertEqual(search.results(self.folder / "search"), found)
        with self.assertRaisesRegex(
            keras_tuner.errors.FatalValueError,
            "costs of a trial are damaged.*overwrite=True",
        ):
            run(self.folder, Sized(), limits, max_trials=3)

    def test_lost_costs_of_a_trial_are_still_in_the_journal(self):
        limits = search.Limits(max_parameters=12)
        found = search.results(run(self.folder, Sized(), limits, max_trials=2))
        for path in self.folder.rglob(f"trial_*/{of_limits.FILE}"):
            path.unlink()
        tuner = run(self.folder, Sized(), limits, max_trials=3)
        kept = [one for one in search.results(tuner) if one.number < 3]
        self.assertCountEqual(kept, found)

    def test_what_a_worker_found_comes_to_its_chief(self):
        made = scored.make_tuner(
            self.folder,
            Sized(),
            "grid",
            limits=search.Limits(max_parameters=12),
            max_trials=12,
        )
        end_trial = made.oracle.end_trial

        def sent(trial):
            # Without the message.
            end_trial(type(trial).from_proto(trial.to_proto()))

        with mock.patch.object(made.oracle, "end_trial", sent):
            scored.run(made)
        found = search.results(made)
        self.assertEqual(sum(one.is_over for one in found), 6)
        for one in found:
            count = parameters(one.knobs["units"])
            self.assertEqual(one.costs, {"parameters": count})
            self.assertEqual(one.is_over, count > 12)

    def test_a_search_can_be_thrown_away_with_its_costs(self):
        limits = search.Limits(max_parameters=12)
        run(self.folder, Sized(), limits, max_trials=2)
        hypermodel = Sized(wide=2)
        tuner = run(
            self.folder, hypermodel, limits, max_trials=1, overwrite=True
        )
        (found,) = search.results(tuner)
        self.assertEqual(found.costs["parameters"], parameters(2))


if __name__ == "__main__":
    absltest.main()
