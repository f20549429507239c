import dataclasses
import json
from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import report
from keras_kd.cli import methods
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import contest
from keras_kd.cli._bench import contest_outputs
from keras_kd.cli._bench import identities
from keras_kd.cli._bench import state
from keras_kd.cli._shell.choice import resolve_each
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from tests import support
from tests.cli import small_jobs

FIT = arms.Bench._fit
METHODS = "soft_targets,logit_regression"


def run(folder, overwrite=False, **settings):
    """Runs a contest on small data.

    Returns:
        The `Standing`, and the lines that the user saw.
    """
    lines = []
    given = {"method": METHODS, "epochs": 1, "seeds": 2, "fraction": 0.5}
    given |= {"batch_size": 12} | settings
    with small_jobs.small():
        found = contest.run(
            Settings(output=str(folder), **given),
            overwrite=overwrite,
            say=lines.append,
        )
    return found, "\n".join(lines)


@pytest.mark.slow
class ContestTest(absltest.TestCase):
    """One whole contest of two methods."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = support.folder(cls)
        with mock.patch.object(arms.Bench, "_fit", autospec=True) as fit:
            fit.side_effect = cls._recorded
            cls.fits = []
            cls.found, cls.text = run(cls.folder)

    @classmethod
    def addCleanup(cls, function):
        cls.addClassCleanup(function)

    @classmethod
    def _recorded(cls, bench, model, lesson, seed=None):
        cls.fits.append((bench.settings, lesson, seed))
        return FIT(bench, model, lesson, seed)

    def test_each_method_tries_equally_many_settings(self):
        # Of the one rate that small jobs have; then two weights more.
        for method, own in (("soft_targets", 1.0), ("logit_regression", 0.1)):
            weights = [
                settings.loss_weight
                for settings, _, seed in self.fits
                if settings.method == method and seed in arms.CHOICE_SEEDS
            ]
            np.testing.assert_allclose(weights, [own, own / 4, 4 * own])

    def test_students_of_a_seed_have_equal_budgets(self):
        # Reported are the last: four arms of two seeds.
        lessons = [lesson for _, lesson, _ in self.fits[-8:]]
        for place, lesson in enumerate(lessons):
            first = lessons[4 * (place // 4)]
            np.testing.assert_array_equal(lesson.x, first.x)
            self.assertEqual(lesson.epochs, first.epochs)

    def test_takes_the_weight_that_is_best_on_the_validation_part(self):
        for method, own in (("soft_targets", 1.0), ("logit_regression", 0.1)):
            accuracies = {}
            for factor in (1.0, *contest.FACTORS):
                name = f"{method}, weight {factor * own:g}"
                name = method if factor == 1.0 else name
                part = arms.student_name(name, arms.CHOICE_SEEDS[0], 0.01)
                accuracies[factor * own] = self.history(part)[-1]
            best = max(accuracies, key=accuracies.get)
            self.assertEqual(self.found.weights[method], best)

    def history(self, part):
        kept = np.load(self.folder / state.FOLDER / f"{part}.npz")["record"]
        return json.loads(str(kept))["history"]["val_accuracy"]

    def test_ranks_by_the_test_part(self):
        labels = small_jobs.data().test_labels
        right = {}
        for arm in (arms.ALONE, arms.SMOOTHING, *METHODS.split(",")):
            of_seeds = [
                np.load(
                    self.folder
                    / state.FOLDER
                    / f"{arms.student_name(arm, seed)}.npz"
                )["logits"]
                for seed in (0, 1)
            ]
            right[arm] = np.argmax(of_seeds, axis=-1) == labels
        expected = report.rank_arms(right, arms.ALONE)
        self.assertEqual(self.found.ranking, expected)

    def test_writes_its_files_and_a_line_for_each_arm(self):
        names = {path.name for path in self.folder.iterdir()}
        self.assertEqual(names, {*contest_outputs.FILES, state.FOLDER})
        written = (self.folder / "report.md").read_text()
        for arm in (arms.ALONE, arms.SMOOTHING, *METHODS.split(",")):
            self.assertIn(f"\n{arm} ", self.text)
            self.assertIn(f"\n| {arm} |", written)
        lines = contest_outputs.terminal(self.found).splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertIn("corrected for 3 comparisons in each", written)

    def test_the_saved_student_is_the_best_on_the_validation_part(self):
        part, *_ = self.found.student
        names = [
            arms.student_name(arm, seed)
            for arm in METHODS.split(",")
            for seed in (0, 1)
        ]
        finals = {name: self.history(name)[-1] for name in names}
        self.assertEqual(finals[part], max(finals.values()))
        student = keras.saving.load_model(self.folder / "student.keras")
        kept = np.load(self.folder / state.FOLDER / f"{part}.npz")["logits"]
        images = small_jobs.data().test_images
        np.testing.assert_allclose(
            student.predict(images, verbose=0), kept, rtol=1e-4, atol=1e-5
        )

    def test_a_second_call_trains_nothing_and_finds_the_same(self):
        with mock.patch.object(arms.Bench, "_fit") as fit:
            found, text = run(self.folder)
        fit.assert_not_called()
        self.assertIn("kept from before", text)
        self.assertEqual(found, self.found)

    def test_another_set_of_methods_is_another_job(self):
        with self.assertRaisesRegex(
            UnusableError, "--method=soft_targets,logit_regression, now soft"
        ):
            run(self.folder, method="soft_targets,ls")

    def test_counts_the_parameters_of_each_student(self):
        student = keras.saving.load_model(self.folder / "student.keras")
        size = student.count_params()
        self.assertEqual(set(self.found.parameters.values()), {size})


class FittingTest(absltest.TestCase):
    def test_leaves_out_what_the_models_cannot_do_and_says_why(self):
        several = resolve_each(Settings(method="soft_targets,nst,hints"))
        bench = small_jobs.bench(alternatives=several)
        why = {}
        found = contest._fitting(
            bench,
            bench.alternatives,
            lambda name, error: why.update({name: str(error)}),
        )
        self.assertEqual(
            [one.method for one in found], ["soft_targets", "hints"]
        )
        self.assertEqual(list(why), ["nst"])
        self.assertIn('"teacher" has no feature maps', why["nst"])

    def test_refuses_what_no_method_can_do(self):
        several = resolve_each(Settings(method="all"))
        bench = small_jobs.bench(alternatives=several)
        kernel = bench.teacher.layers[-1].kernel
        kernel.assign(np.full(kernel.shape, np.nan))
        with self.assertRaisesRegex(UnusableError, "must have finite weights"):
            contest._fitting(bench, bench.alternatives, self.fail)


class IdentityTest(absltest.TestCase):
    """What tells a contest from another in its folder."""

    def identity(self, names):
        several = resolve_each(Settings(method=names))
        return contest._identity(small_jobs.bench(alternatives=several))

    def refusal(self, *both):
        return identities.refusal("here", "output", *both, None)

    def test_other_defaults_of_a_method_are_another_contest(self):
        first = self.identity("soft_targets,dkd")
        later = dataclasses.replace(methods.METHODS["dkd"], temperature=2.0)
        with mock.patch.dict(methods.METHODS, dkd=later):
            second = self.identity("soft_targets,dkd")
        self.assertNotEqual(first, second)
        self.assertIn(
            "a job with other defaults of these methods. Choose",
            self.refusal(first, second),
        )

    def test_of_other_methods_the_names_are_said(self):
        both = self.identity("dkd,nkd"), self.identity("dkd,ls")
        self.assertIn(
            "a job with --method=dkd,nkd, now dkd,ls. Choose",
            self.refusal(*both),
        )


@pytest.mark.slow
class ResumeTest(absltest.TestCase):
    def test_goes_on_where_it_was_stopped(self):
        folder, calls = support.folder(self), []

        def fit(*arguments):
            if len(calls) == 5:
                raise KeyboardInterrupt
            calls.append(arguments)
            return FIT(*arguments)

        with mock.patch.object(arms.Bench, "_fit", fit):
            with self.assertRaises(KeyboardInterrupt):
                run(folder, seeds=1)
        with mock.patch.object(arms.Bench, "_fit", autospec=True) as fit:
            fit.side_effect = FIT
            run(folder, seeds=1)
        # The teacher; a rate of four arms and two weights of two; four.
        self.assertEqual(fit.call_count, 1 + 4 + 2 * 2 + 4 - 5)


if __name__ == "__main__":
    absltest.main()
