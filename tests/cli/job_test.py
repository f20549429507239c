import csv
import json
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest

from keras_kd import datasets
from keras_kd.cli import arms
from keras_kd.cli import outputs
from keras_kd.cli import state
from keras_kd.cli.errors import UnusableError
from tests import reference
from tests import support
from tests.cli import small_jobs


class DigitsJobTest(absltest.TestCase):
    """The whole job once, on real data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = support.folder(cls)
        cls.data = datasets.digits()
        cls.outcome, cls.text = small_jobs.run(
            cls.folder, cls.data, epochs=2, fraction=0.1, batch_size=64
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

    def test_interval_is_that_of_the_paired_differences(self):
        alone, _, distilled = (
            self.outcome.figures[arm].accuracies for arm in arms.ARMS
        )
        gain = self.outcome.gain
        np.testing.assert_allclose(
            (gain.mean, gain.low, gain.high),
            reference.t_interval(np.subtract(distilled, alone)),
        )

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
                self.folder, self.data, epochs=2, fraction=0.1, batch_size=64
            )
        fit.assert_not_called()
        self.assertIn("kept from before", text)
        self.assertEqual(outcome.gain, self.outcome.gain)


class FairnessTest(absltest.TestCase):
    def test_arms_share_images_first_weights_and_updates(self):
        seen = []

        def fit(bench, model, rate, smoothing, part, callbacks):
            student = getattr(model, "student", model)
            weights = [w.numpy() for w in student.weights]
            seen.append((part.train_images, weights, rate))
            return real(bench, model, rate, smoothing, part, callbacks)

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

    def test_students_of_any_fraction_make_as_many_updates(self):
        for fraction in (0.1, 1.0):
            steps = []

            class Count(keras.callbacks.Callback):
                def on_train_batch_end(self, batch, logs=None):
                    steps.append(batch)  # noqa: B023

            with mock.patch(
                "keras_kd.cli.progress.Progress.watch",
                lambda progress, what: [Count()],
            ):
                small_jobs.run(support.folder(self), fraction=fraction, seeds=1)
            # 48 images in batches of 24, for 7 models.
            self.assertLen(steps, 2 * 7)


class ModelsOfTheUserTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    def run_with(self, **arguments):
        return small_jobs.run(self.folder / "output", **arguments)

    def test_teacher_that_ends_in_softmax_is_used_by_its_logits(self):
        teacher = small_jobs.net(activation="softmax", name="theirs")
        path = small_jobs.save(self.folder, teacher)

        _, text = self.run_with(teacher=path, seeds=1)

        self.assertIn("The teacher ends in softmax or sigmoid", text)
        self.assertIn("comes from model.keras", text)
        kept = np.load(self.folder / "output/state/teacher.npz")["logits"]
        probabilities = teacher.predict(
            small_jobs.data().test_images, verbose=0
        )
        np.testing.assert_allclose(
            reference.softmax(kept), probabilities, rtol=1e-5
        )

    def test_student_keeps_its_architecture_and_softmax(self):
        path = small_jobs.save(
            self.folder, small_jobs.net(activation="softmax", name="mine")
        )
        outcome, _ = self.run_with(student=path)
        student = keras.saving.load_model(self.folder / "output/student.keras")
        probabilities = student.predict(
            small_jobs.data().test_images, verbose=0
        )
        self.assertEqual(student.name, "mine")
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        accuracy = np.mean(
            probabilities.argmax(-1) == small_jobs.data().test_labels
        )
        self.assertAlmostEqual(
            accuracy,
            outcome.figures[arms.DISTILLED].accuracies[outcome.best_seed],
            places=6,
        )

    def test_says_that_a_teacher_without_knowledge_does_not_help(self):
        # It calls every image the first class, and is sure of it.
        teacher = small_jobs.net()
        weights = [np.zeros_like(w) for w in teacher.get_weights()]
        weights[-1] = np.array([9.0, 0.0, 0.0])
        teacher.set_weights(weights)

        outcome, text = self.run_with(
            teacher=small_jobs.save(self.folder, teacher),
            epochs=4,
            batch_size=8,
            fraction=1.0,
            student_loss_weight=0.0,
        )

        report = (self.folder / "output/report.md").read_text()
        self.assertLess(outcome.gain.mean, -0.1)
        for written in (text, report):
            self.assertRegex(
                " ".join(written.split()),
                "Distillation (did harm against|showed no gain over) the "
                "student alone: -",
            )
            self.assertRegex(
                " ".join(written.split()),
                "Warning: the teacher is no better than chance. Its accuracy "
                r"on the validation part is 33.3 %",
            )

    def test_one_seed_draws_no_conclusion(self):
        outcome, text = self.run_with(seeds=1)
        self.assertIsNone(outcome.gain)
        self.assertIn("One seed cannot show whether distillation helped", text)


class StateOfAJobTest(absltest.TestCase):
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
        small_jobs.run(folder, seeds=1)
        with self.assertRaisesRegex(
            UnusableError, "temperature=8.0 there and 2.0 now"
        ):
            small_jobs.run(folder, seeds=1, temperature=2.0)
        with self.assertRaisesRegex(UnusableError, "data="):
            small_jobs.run(folder, small_jobs.data(num_train=63), seeds=1)
        small_jobs.run(folder, seeds=1, temperature=2.0, overwrite=True)
        job = json.loads((folder / state.FOLDER / state.IDENTITY).read_text())
        self.assertEqual(job["temperature"], 2.0)


if __name__ == "__main__":
    absltest.main()
