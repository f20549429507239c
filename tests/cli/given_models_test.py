import keras
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd.cli._bench import arms
from tests import reference
from tests import support
from tests.cli import small_jobs


class ModelsOfTheUserTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    def run_with(self, **arguments):
        return small_jobs.run(self.folder / "output", **arguments)

    @pytest.mark.slow
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

    @pytest.mark.slow
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

    @pytest.mark.slow
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
                "Distillation (did harm )?against the student alone: (too few "
                "(seeds|test examples) to tell, )?-",
            )
            self.assertRegex(
                " ".join(written.split()),
                "Warning: the teacher is no better than chance. Its accuracy "
                r"on the validation part is 33.3 %",
            )

    @pytest.mark.slow
    def test_one_seed_draws_no_conclusion(self):
        outcome, text = self.run_with(seeds=1)
        self.assertEqual(outcome.gain.count, 1)
        text = " ".join(text.split())
        self.assertIn("against the student alone: too few seeds to tell", text)
        self.assertIn("Run with --seeds=5.", text)
        self.assertNotIn("comparisons", text)


if __name__ == "__main__":
    absltest.main()
