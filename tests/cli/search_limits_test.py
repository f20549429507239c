import contextlib
import csv
import io
import re
import shlex
import shutil
from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import search
from keras_kd.cli import distill
from keras_kd.cli._search import found_files
from keras_kd.cli._search import space
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.search import limits
from tests import support
from tests.cli import small_jobs

# Those of width 2, 3 and 4 are within: `students_test.py` counts them.
MOST = 600
COUNTS = {2: 207, 3: 363, 4: 555}
TRIALS = 6


@pytest.mark.slow
class SearchTest(absltest.TestCase):
    """A search for a student of at most so many parameters."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = support.folder(cls)
        cls.found, cls.text = cls.search(cls.folder)

    @classmethod
    def addCleanup(cls, function):
        cls.addClassCleanup(function)

    @classmethod
    def search(cls, folder, **settings):
        given = {"max_trials": TRIALS, "max_parameters": MOST}
        return small_jobs.search(folder, **given | settings)

    def test_tries_several_widths_within_the_limit(self):
        widths = {one.knobs["width"] for one in self.found.results}
        self.assertGreater(len(widths), 1)
        for one in self.found.results:
            count = COUNTS[one.knobs["width"]]
            self.assertEqual(one.costs["parameters"], count)
            self.assertEqual(set(one.costs), set(limits.COSTS))
            self.assertIsNotNone(one.score)

    def test_the_first_trial_has_the_widest_usual_student(self):
        (first,) = [one for one in self.found.results if one.number == 1]
        self.assertEqual(first.knobs["width"], 4)

    def test_the_saved_student_is_that_of_the_best_trial(self):
        student = keras.saving.load_model(self.folder / "student.keras")
        best = self.found.best
        self.assertEqual(student.count_params(), best.costs["parameters"])
        path = self.folder / "student.keras"
        # Keras counts unnamed layers: some have a digit more.
        size = path.stat().st_size
        self.assertAlmostEqual(size, best.costs["bytes"], delta=20)
        tuning = self.found.bench.tuning
        logits = student.predict(tuning.test_images, verbose=0)
        accuracy = np.mean(logits.argmax(-1) == tuning.test_labels)
        self.assertAlmostEqual(accuracy, best.score, places=6)

    def test_the_line_trains_the_architecture_that_was_found(self):
        _, _, *arguments = shlex.split(self.found.command)
        values = distill.make_flags()
        values(["", *arguments])
        settings = Settings(**launch.given(values, Settings))
        self.assertEqual(settings.student, str(self.folder / "student.keras"))
        self.assertEqual(
            settings.learning_rate, self.found.chosen[0].learning_rate
        )
        output = support.folder(self) / "distill"
        given = {
            name: getattr(settings, name)
            for name in ("student", "method", "learning_rate", "cache")
        }
        outcome, _ = small_jobs.run(output, **given)
        self.assertEqual(
            outcome.figures["distilled"].parameters,
            self.found.best.costs["parameters"],
        )

    def test_shows_the_front(self):
        front = search.pareto_front(self.found.results)
        self.assertIn("The best students by parameters:", self.text)
        self.assertIn("Students of at most 600 parameters.", self.text)
        report = (self.folder / "search.md").read_text()
        for one in front:
            row = rf"{100 * one.score:.1f} +{one.costs['parameters']:,} "
            self.assertRegex(self.text, row)
            cells = f"| {100 * one.score:.1f} | {one.costs['parameters']:,} |"
            self.assertIn(cells, report)
        name = "accuracy_against_parameters.png"
        self.assertIn(f"]({name})", report)
        self.assertEqual((self.folder / name).read_bytes()[:4], b"\x89PNG")
        self.assertIn(name, self.text.replace("\n", " "))
        others = set(found_files.ALL_FILES) - {*found_files.FILES, name}
        written = {path.name for path in self.folder.iterdir()}
        self.assertEmpty(others & written)

    def test_the_table_of_trials_has_widths_and_costs(self):
        with open(self.folder / "trials.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertLen(rows, TRIALS)
        for row, one in zip(rows, self.found.results, strict=True):
            self.assertEqual(row["width"], str(one.knobs["width"]))
            for cost, value in one.costs.items():
                self.assertEqual(float(row[cost]), value)

    def test_lines_fit_a_terminal(self):
        lines = [
            line
            for line in self.text.splitlines()
            if not line.startswith(("keras-kd distill", "The distilled", "/"))
        ]
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertRegex(self.text, r"\[1/6\] soft_targets, width 4: \d")

    def test_the_same_call_measures_nothing_again(self):
        copy = support.folder(self) / "copy"
        shutil.copytree(self.folder, copy)
        with (
            mock.patch.object(space.FlagHyperModel, "fit") as fit,
            mock.patch.object(limits, "measure") as measure,
        ):
            again, text = self.search(copy, resume=True)
        fit.assert_not_called()
        measure.assert_not_called()
        self.assertEqual(again.results, self.found.results)
        self.assertLen(re.findall("kept from before", text), TRIALS + 1)

    def test_refuses_to_go_on_with_another_limit(self):
        for other in (MOST + 1, None):
            with self.assertRaisesRegex(
                UnusableError, "`--output` must.*--max_parameters=600, now"
            ):
                self.search(self.folder, max_parameters=other)


@pytest.mark.slow
class TimeLimitTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        # Milliseconds are those of the width.
        self.enter_context(
            mock.patch.dict(
                limits._MEASURES,
                milliseconds=lambda s: float(s.layers[0].filters),
            )
        )

    def search(self, **settings):
        given = {"max_trials": 5, "methods": ("soft_targets",)}
        return small_jobs.search(self.folder, **given | settings)

    def test_slow_students_are_not_trained(self):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            found, text = self.search(max_milliseconds=8)
        self.assertNotIn("Traceback", errors.getvalue())
        for one in found.results:
            self.assertEqual(one.is_over, one.knobs["width"] > 8)
        over = sum(one.is_over for one in found.results)
        self.assertBetween(over, 1, 4)
        self.assertLen(re.findall(r"not\s+trained\s\(", text), over)
        self.assertIn("over a limit, and not trained.", text)
        with open(self.folder / "trials.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["status"] for row in rows].count("OVER"), over)

    def test_says_where_all_are_too_slow(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--max_milliseconds` must leave.*Received: --max_milliseconds=1, "
            r"and 5 trials.*the least seen: .* \d+ milliseconds\. ",
        ):
            self.search(max_milliseconds=1)


class RefusalTest(absltest.TestCase):
    def test_before_the_teacher_is_trained(self):
        folder = support.folder(self)
        with self.assertRaisesRegex(
            UnusableError, "`--max_parameters` must leave a student to train"
        ):
            small_jobs.search(folder, max_parameters=9)
        self.assertFalse((folder / "state").exists())


if __name__ == "__main__":
    absltest.main()
