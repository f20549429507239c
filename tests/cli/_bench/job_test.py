import csv
import json
from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import datasets
from keras_kd._core import files
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import outputs
from keras_kd.cli._bench import state
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.progress import Progress
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from tests import reference
from tests import support
from tests.cli import small_jobs
from tests.references import several_arms


@pytest.mark.slow
class DigitsJobTest(absltest.TestCase):
    """The whole job once, on real data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = support.folder(cls)
        cls.data = datasets.digits()
        cls.outcome, cls.text = small_jobs.run(
            cls.folder, cls.data, epochs=2, fraction=0.1, batch_size=256
        )

    @classmethod
    def addCleanup(cls, function):
        cls.addClassCleanup(function)

    def test_writes_all_files(self):
        names = {path.name for path in self.folder.iterdir()}
        self.assertEqual(names, {*outputs.FILES, state.FOLDER})

    def test_table_fits_a_terminal(self):
        self.assertLessEqual(max(map(len, self.text.splitlines())), 80)
        for name in ("teacher", *arms.ARMS):
            self.assertIn(f"\n{name} ", self.text)

    def test_says_who_saw_how_many_labels(self):
        # Two thirds of 1797 images are for training, and four fifths of those
        # not held out; a tenth of each class.
        report = (self.folder / "report.md").read_text()
        for text in (self.text, report):
            self.assertIn("the labels of all 962 training images", text)
            self.assertRegex(text, "Each student sees 9[0-9] of them")

    def test_says_nothing_wrong_of_the_defaults(self):
        for words in ("outweighs", "no gradient", "no better than chance"):
            self.assertNotIn(words, " ".join(self.text.split()))

    def test_saved_student_is_the_best_distilled_one(self):
        student = keras.saving.load_model(self.folder / "student.keras")
        logits = student.predict(self.data.test_images, verbose=0)
        accuracy = np.mean(logits.argmax(-1) == self.data.test_labels)
        distilled = self.outcome.figures[arms.DISTILLED]
        self.assertAlmostEqual(
            accuracy, distilled.accuracies[self.outcome.best_seed], places=6
        )
        last = [h["val_accuracy"][-1] for h in distilled.histories]
        self.assertEqual(self.outcome.best_seed, np.argmax(last))

    def test_figures_equal_the_reference(self):
        files = {
            name: np.load(self.folder / state.FOLDER / f"{name}.npz")["logits"]
            for name in ("teacher", "distilled_seed1")
        }
        labels = self.data.test_labels
        student = files["distilled_seed1"]
        figures = self.outcome.figures[arms.DISTILLED]
        self.assertAlmostEqual(
            figures.agreements[1],
            reference.top_k_agreement(files["teacher"], student, 1),
            places=6,
        )
        self.assertAlmostEqual(
            figures.calibration_errors[1],
            reference.expected_calibration_error(
                labels, reference.softmax(student)
            ),
            places=5,
        )
        self.assertEqual(self.outcome.figures["teacher"].agreements, [1.0])

    def test_intervals_are_those_of_seeds_and_test_images(self):
        answers = [
            [self.right(arm, seed) for seed in (0, 1)] for arm in arms.ARMS
        ]
        for gain, *pair in (
            (self.outcome.gain, 0, 2),
            (self.outcome.smoothing_gain, 0, 1),
            (self.outcome.gain_over_smoothing, 1, 2),
        ):
            np.testing.assert_allclose(
                (gain.mean, gain.low, gain.high),
                several_arms.interval(answers, *pair, comparisons=3),
            )

    def right(self, arm, seed):
        name = arms.student_name(arm, seed)
        logits = np.load(self.folder / state.FOLDER / f"{name}.npz")["logits"]
        return logits.argmax(-1) == self.data.test_labels

    def test_says_what_intervals_and_latencies_are_of(self):
        report = (self.folder / "report.md").read_text()
        for text in (" ".join(self.text.split()), report):
            self.assertIn("over 2 seeds and 596 test examples", text)
            self.assertIn("corrected for 3 comparisons", text)
            self.assertIn("ms, batch 1", text)
            self.assertRegex(text, r"\d\.\d\d \[\d+\.\d\d, \d+\.\d\d\]")
            self.assertIn("median and quartiles of 100 compiled calls", text)

    def test_history_has_a_row_for_each_epoch_of_each_student(self):
        with open(self.folder / "history.csv") as file:
            rows = list(csv.DictReader(file))
        self.assertLen(rows, 3 * 2 * 2)
        distilled = [row for row in rows if row["arm"] == arms.DISTILLED]
        self.assertEqual(
            [(row["seed"], row["epoch"]) for row in distilled],
            [("0", "1"), ("0", "2"), ("1", "1"), ("1", "2")],
        )
        self.assertTrue(all(float(row["soft_targets"]) for row in distilled))

    def test_a_second_call_trains_nothing_and_finds_the_same(self):
        with mock.patch.object(arms.Bench, "_fit") as fit:
            outcome, text = small_jobs.run(
                self.folder, self.data, epochs=2, fraction=0.1, batch_size=256
            )
        fit.assert_not_called()
        self.assertIn("kept from before", text)
        self.assertEqual(outcome.gain, self.outcome.gain)


class FairnessTest(absltest.TestCase):
    @pytest.mark.slow
    def test_arms_share_images_first_weights_and_updates(self):
        seen = []

        def fit(bench, model, lesson, *others):
            weights = [w.numpy() for w in model.weights]
            seen.append((lesson.x, weights, lesson.rate))
            return real(bench, model, lesson, *others)

        real = arms.Bench._fit
        with mock.patch.object(arms.Bench, "_fit", fit):
            small_jobs.run(support.folder(self), seeds=1)

        # The teacher, three that choose a rate, three of the seed.
        self.assertLen(seen, 7)
        for images, weights, rate in seen[-2:]:
            np.testing.assert_array_equal(images, seen[-3][0])
            self.assertEqual(rate, seen[-3][2])
            for ours, theirs in zip(weights, seen[-3][1], strict=True):
                np.testing.assert_array_equal(ours, theirs)

    @pytest.mark.slow
    def test_students_of_few_images_make_as_many_updates(self):
        steps = []
        count = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: steps.append(batch)
        )
        with mock.patch.object(Progress, "watch", return_value=[count]):
            small_jobs.run(support.folder(self), fraction=0.1, seeds=1)
        # 48 images in batches of 24, for the teacher and 6 students, which
        # see 6 images each.
        self.assertLen(steps, 2 * 7)

    @pytest.mark.slow
    def test_a_rate_that_was_given_is_for_the_distilled_students(self):
        folder = support.folder(self)
        outcome, text = small_jobs.run(folder, seeds=1, learning_rate=0.02)
        self.assertEqual(
            outcome.rates,
            {arms.ALONE: 0.01, arms.SMOOTHING: 0.01, arms.DISTILLED: 0.02},
        )
        # The teacher, a seed of each arm, a rate of two of them.
        self.assertRegex(text, r"\[6/6\] distilled, seed 0")
        report = (folder / "report.md").read_text()
        self.assertIn("| distilled |  | 0.02 |", report)
        self.assertIn("rate of 0.02 was given with --learning_rate", report)

    def test_students_of_different_seeds_differ(self):
        bench = arms.Bench(
            resolve(Settings(fraction=0.5, epochs=1)),
            small_jobs.data(),
            small_jobs.data(),
            3,
            small_jobs.net(),
            small_jobs.net(),
        )
        with mock.patch.object(arms.Bench, "_fit") as fit:
            first, second = (
                bench.train(arms.ALONE, 0.01, seed).model.get_weights()
                for seed in (0, 1)
            )
        parts = [call.args[1].x for call in fit.call_args_list]
        self.assertGreater(np.abs(first[0] - second[0]).max(), 0)
        self.assertGreater(np.abs(parts[0] - parts[1]).max(), 0)


class StateOfAJobTest(absltest.TestCase):
    @pytest.mark.slow
    def test_goes_on_where_it_was_stopped_and_ends_alike(self):
        whole, _ = small_jobs.run(support.folder(self))
        folder = support.folder(self)
        real, calls = arms.Bench._fit, []

        def fit(*arguments):
            if len(calls) == 6:
                raise KeyboardInterrupt
            calls.append(arguments)
            return real(*arguments)

        with mock.patch.object(arms.Bench, "_fit", fit):
            with self.assertRaises(KeyboardInterrupt):
                small_jobs.run(folder)
        with mock.patch.object(arms.Bench, "_fit", autospec=True) as fit:
            fit.side_effect = real
            resumed, _ = small_jobs.run(folder)

        # 1 teacher, 3 that choose a rate, 3 arms x 2 seeds.
        self.assertEqual(fit.call_count, 10 - 6)
        for arm in arms.ARMS:
            self.assertEqual(
                resumed.figures[arm].accuracies, whole.figures[arm].accuracies
            )

    @pytest.mark.slow
    def test_seeds_can_be_added(self):
        folder = support.folder(self)
        first, _ = small_jobs.run(folder, seeds=1)
        more, text = small_jobs.run(folder, seeds=2)
        alone = more.figures[arms.ALONE].accuracies
        self.assertLen(alone, 2)
        self.assertEqual(alone[:1], first.figures[arms.ALONE].accuracies)
        self.assertIn("student alone, seed 0: ", text)

    def test_refuses_another_job_in_the_folder(self):
        folder = support.folder(self)
        with mock.patch.object(
            arms.Bench, "_fit", side_effect=KeyboardInterrupt
        ):
            with self.assertRaises(KeyboardInterrupt):
                small_jobs.run(folder)
            job = files.read_json(folder / state.FOLDER / state.IDENTITY)
            outputs_of_job = state.State(folder, job).outputs
            outputs_of_job.write_text("report.md", "of the first job")
            with self.assertRaisesRegex(
                UnusableError, "--temperature=8.0, now 2.0"
            ):
                small_jobs.run(folder, temperature=2.0)
            with self.assertRaisesRegex(UnusableError, "with other images"):
                small_jobs.run(folder, small_jobs.data(num_train=63))
            with self.assertRaises(KeyboardInterrupt):
                small_jobs.run(folder, temperature=2.0, overwrite=True)
        job = json.loads((folder / state.FOLDER / state.IDENTITY).read_text())
        self.assertEqual(job["temperature"], 2.0)
        self.assertFalse((folder / "report.md").exists())

    def test_files_of_the_user_are_refused_before_anything_is_trained(self):
        folder = support.folder(self)
        for name in ("student.keras", "report.md"):
            (folder / name).write_text("mine")
        with mock.patch.object(arms.Bench, "_fit") as fit:
            for overwrite in (False, True):
                with self.assertRaisesRegex(
                    UnusableError,
                    "`--output` must have no other files.*with report.md, "
                    "student.keras that keras-kd has not written",
                ):
                    small_jobs.run(folder, overwrite=overwrite)
        fit.assert_not_called()
        self.assertEqual((folder / "student.keras").read_text(), "mine")


if __name__ == "__main__":
    absltest.main()
