import csv
import dataclasses
import re
import shlex
import shutil
from unittest import mock

import keras
import keras_tuner
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import teachers
from keras_kd.cli import distill
from keras_kd.cli._bench import arms
from keras_kd.cli._search import found_files
from keras_kd.cli._search import space
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from tests import support
from tests.cli import small_jobs


@pytest.mark.slow
class SearchTest(absltest.TestCase):
    """A search with three trials, and what comes after it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = support.folder(cls)
        cls.found, cls.text = small_jobs.search(cls.folder, max_trials=3)

    @classmethod
    def addCleanup(cls, function):
        cls.addClassCleanup(function)

    def again(self, **settings):
        """What another call says, which may train no teacher."""
        copy = support.folder(self) / "copy"
        shutil.copytree(self.folder, copy)
        with mock.patch.object(arms.Bench, "train_teacher") as train:
            _, text = small_jobs.search(copy, **settings)
        train.assert_not_called()
        return text

    def test_writes_all_files(self):
        names = {path.name for path in self.folder.iterdir()}
        self.assertContainsSubset(
            {*found_files.FILES, "search", "state", "teacher_cache"}, names
        )

    def test_says_each_trial_within_80_columns(self):
        self.assertLen(re.findall(r"\[\d/3\] \w+: \d+\.\d %", self.text), 3)
        lines = [
            line
            for line in self.text.splitlines()
            if not line.startswith(("keras-kd distill", "The distilled", "/"))
        ]
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_the_first_trial_has_the_defaults(self):
        (first,) = [one for one in self.found.results if one.number == 1]
        chosen = self.found.chosen[self.found.results.index(first)]
        self.assertEqual(
            dataclasses.replace(chosen, learning_rate=None),
            self.found.bench.alternatives[0],
        )
        self.assertEqual(chosen.learning_rate, space.RATES.default)

    def test_the_line_gives_the_settings_of_the_best_trial(self):
        command, verb, *arguments = shlex.split(self.found.command)
        self.assertEqual((command, verb), ("keras-kd", "distill"))
        values = distill.make_flags()
        values(["", *arguments])
        settings = resolve(Settings(**launch.given(values, Settings)))
        expected = dataclasses.replace(
            self.found.chosen[0],
            seeds=settings.seeds,
            output=str(self.folder / "distill"),
        )
        self.assertEqual(settings, expected)
        self.assertIn(f"\n{self.found.command}\n", self.text)

    def test_the_line_gives_the_losses_of_the_best_trial(self):
        _, _, *arguments = shlex.split(self.found.command)
        values = distill.make_flags()
        values(["", *arguments])
        settings = resolve(Settings(**launch.given(values, Settings)))
        student = teachers.logits(self.found.bench.student)
        of_line = self.found.bench.with_settings(settings).losses(student)

        hp = keras_tuner.HyperParameters()
        hp.values |= self.found.best.knobs
        trial = self.found.hypermodel.build(hp)

        for ours, theirs in zip(
            trial.distillation_losses, of_line, strict=True
        ):
            self.assertIs(type(ours), type(theirs))
            configs = [one.get_config() for one in (ours, theirs)]
            for config in configs:
                # Keras numbers them.
                config.pop("name", None)
            self.assertEqual(*configs)
        self.assertAlmostEqual(
            float(keras.ops.convert_to_numpy(trial.student_loss_weight)),
            settings.student_loss_weight,
            places=6,
        )
        self.assertAlmostEqual(
            float(keras.ops.convert_to_numpy(trial.optimizer.learning_rate)),
            settings.learning_rate,
            places=6,
        )

    def test_the_saved_student_is_that_of_the_best_trial(self):
        best = max(self.found.results, key=lambda one: one.score)
        self.assertEqual(self.found.best, best)
        student = keras.saving.load_model(self.folder / "student.keras")
        tuning = self.found.bench.tuning
        logits = student.predict(tuning.test_images, verbose=0)
        accuracy = np.mean(logits.argmax(-1) == tuning.test_labels)
        self.assertAlmostEqual(accuracy, best.score, places=6)
        logits = student.predict(small_jobs.data().test_images, verbose=0)
        accuracy = np.mean(logits.argmax(-1) == small_jobs.data().test_labels)
        self.assertAlmostEqual(accuracy, self.found.accuracy, places=6)

    def test_the_table_of_trials_has_them_all(self):
        with open(self.folder / "trials.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["rank"] for row in rows], ["1", "2", "3"])
        best = self.found.chosen[0]
        for name in ("method", "temperature", "loss_weight", "learning_rate"):
            self.assertEqual(rows[0][name], str(getattr(best, name)))
        self.assertEqual(float(rows[0]["val_accuracy"]), self.found.best.score)

    def test_the_report_has_line_ranges_and_pictures(self):
        text = (self.folder / "search.md").read_text()
        self.assertIn(self.found.command, text)
        self.assertIn("| 1 to 20 (log) |", text)
        for name in found_files.PLOTS:
            self.assertIn(f"]({name})", text)
            start = (self.folder / name).read_bytes()[:4]
            self.assertEqual(start, b"\x89PNG")
        self.assertIn("3 trials are too few to tell", text)

    def test_the_same_call_trains_nothing(self):
        with mock.patch.object(space.FlagHyperModel, "fit") as fit:
            text = self.again(max_trials=3, resume=True)
        fit.assert_not_called()
        self.assertEqual(text.count("kept from before"), 4)
        best = self.found.chosen[0].learning_rate
        self.assertIn(f"--learning_rate={best}", text)

    def test_more_trials_can_be_added(self):
        text = self.again(max_trials=4)
        self.assertEqual(text.count("kept from before"), 4)
        self.assertRegex(text, r"\[4/4\] \w+: [^k]*\n")

    def test_refuses_to_go_on_with_other_settings(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--output` must be an empty folder or one with the same job.*"
            "--tuner=random, now grid.*or add --overwrite",
        ):
            small_jobs.search(self.folder, tuner="grid")


if __name__ == "__main__":
    absltest.main()
