import csv
import dataclasses
import re
import shlex
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest

from keras_kd import search
from keras_kd.cli import arms
from keras_kd.cli import distill
from keras_kd.cli import launch
from keras_kd.cli import search_outputs
from keras_kd.cli import search_prepare
from keras_kd.cli import search_space
from keras_kd.cli.errors import UnusableError
from keras_kd.cli.settings import Settings
from keras_kd.cli.settings import resolve
from tests import support
from tests.cli import small_jobs


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
        with mock.patch.object(arms.Bench, "train_teacher") as train:
            _, text = small_jobs.search(self.folder, **settings)
        train.assert_not_called()
        return text

    def test_writes_all_files(self):
        names = {path.name for path in self.folder.iterdir()}
        self.assertContainsSubset(
            {*search_outputs.FILES, "search", "state", "teacher_cache"}, names
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
        self.assertEqual(chosen.learning_rate, search_space.RATES.default)

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
        for name in search_outputs.PLOTS:
            self.assertIn(f"]({name})", text)
            start = (self.folder / name).read_bytes()[:4]
            self.assertEqual(start, b"\x89PNG")
        self.assertIn("3 trials are too few to tell", text)

    def test_the_same_call_trains_nothing_and_more_trials_are_added(self):
        with mock.patch.object(search_space.Space, "fit") as fit:
            text = self.again(max_trials=3, resume=True)
        fit.assert_not_called()
        self.assertEqual(text.count("kept from before"), 4)
        self.assertIn(self.found.command, text)
        text = self.again(max_trials=4)
        self.assertEqual(text.count("kept from before"), 4)
        self.assertRegex(text, r"\[4/4\] \w+: [^k]*\n")

    def test_refuses_to_go_on_with_other_settings(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--output` must be empty or hold results of the same job.*"
            "tuner='random' there and 'grid' now.*or add --overwrite",
        ):
            small_jobs.search(self.folder, tuner="grid")


class BeginTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.net = small_jobs.net(name="theirs")
        self.teacher = small_jobs.save(self.folder, self.net)
        self.output = self.folder / "output"

    def search(self, **settings):
        given = {"teacher": self.teacher, "max_trials": 1}
        return small_jobs.search(self.output, **given | settings)

    def assert_refuses(self, regex, **settings):
        with mock.patch.object(arms.Bench, "lesson") as lesson:
            with self.assertRaisesRegex(UnusableError, regex):
                self.search(**settings)
        lesson.assert_not_called()

    def test_overwrite_begins_anew(self):
        self.search(max_trials=2)
        _, text = self.search(overwrite=True)
        self.assertRegex(
            text, r"\[1/1\] soft_targets: \d+\.\d %, best [\d.]+ %"
        )
        self.assertLen(search.results(self.output / "search"), 1)

    def test_overwrite_throws_away_what_another_job_left(self):
        self.search()
        (self.output / "history.csv").write_text("of a distillation")
        data = small_jobs.data(num_train=63)
        self.search(the_data=data, overwrite=True)
        self.assertFalse((self.output / "history.csv").exists())
        self.assertLen(search.results(self.output / "search"), 1)

    def test_a_teacher_without_maps_leaves_out_attention(self):
        student = small_jobs.save(self.folder, self.net, "student.keras")
        found, text = self.search(student=student)
        self.assertEqual(
            found.knobs["method"].methods,
            ("soft_targets", "hints_and_soft_targets"),
        )
        self.assertIn("--teacher=", found.command)
        self.assertIn("--student=", found.command)

    def test_a_method_that_was_named_is_not_left_out(self):
        self.assert_refuses(
            "`--methods` must be one that compares outputs, since the model "
            '"theirs" has no feature maps',
            methods=("soft_targets", "attention_transfer"),
        )

    def test_nothing_is_left_to_search(self):
        self.assert_refuses(
            "A flag at least must be left to search. Received: --methods=hints "
            "--loss_weight=1.0 --student_loss_weight=0.5 --learning_rate=0.1",
            methods=("hints",),
            loss_weight=1.0,
            student_loss_weight=0.5,
            learning_rate=0.1,
        )

    def test_to_go_on_where_there_is_nothing(self):
        self.assert_refuses(
            "`--resume` must not be given where.*Received: --resume, and no "
            "folder .*search. Leave it out",
            resume=True,
        )

    def test_a_damaged_journal(self):
        self.search()
        (self.output / "search" / "journal.json").write_text("{")
        self.assert_refuses("journal.json is damaged.*begin anew with `--over")

    def test_a_cache_without_a_layer(self):
        cache = str(self.folder / "cache")
        small_jobs.cache(cache, teacher=self.teacher)
        self.assert_refuses(
            "`--cache` must hold every layer of the teacher that --methods="
            "soft_targets,hints looks at.*Received: --cache=.*without hidden",
            cache=cache,
            methods=("soft_targets", "hints"),
        )

    def test_several_seeds_hyperband_and_a_place_of_its_own(self):
        tuner = self.folder / "tuner"
        found, text = self.search(
            tuner="hyperband",
            epochs=4,
            max_trials=5,
            seeds=2,
            directory=str(tuner),
            methods=("soft_targets",),
        )
        self.assertLen(found.results, 5)
        epochs = [one.epochs for one in found.results]
        # The best of the first four go on from their checkpoint.
        self.assertEqual(sorted(epochs), [2, 2, 2, 2, 4])
        self.assertFalse((self.output / "search").exists())
        self.assertIn("epochs", text)

    def test_a_search_in_which_all_fails_says_why(self):
        with mock.patch.object(
            search_space.Space, "fit", side_effect=OSError("disk full")
        ):
            with self.assertRaisesRegex(
                RuntimeError, "(?s)No trial.*disk full"
            ):
                self.search()


class AwaitCacheTest(absltest.TestCase):
    def test_waits_until_the_cache_is_there(self):
        folder, lines = support.folder(self), []
        with mock.patch.object(
            search_prepare.caching, "is_complete", side_effect=[False, True]
        ):
            search_prepare.await_cache(
                folder, lines.append, sleep=lambda _: None
            )
        self.assertEqual(
            lines, [f"Waiting for the chief to write the cache in {folder}."]
        )

    def test_gives_up(self):
        with self.assertRaisesRegex(
            UnusableError,
            "(?s)A worker needs.*Received: no finished cache.*after 3 s. Start "
            "the same command with KERASTUNER_TUNER_ID=chief",
        ):
            search_prepare.await_cache(
                support.folder(self), str, 3, sleep=lambda _: None
            )


if __name__ == "__main__":
    absltest.main()
