from unittest import mock

from absl.testing import absltest

from keras_kd.cli._bench import arms
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import estimates
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from tests.cli import small_jobs


def bench(**settings):
    data = small_jobs.data()
    return arms.Bench(
        resolve(Settings(epochs=3, batch_size=12, **settings)),
        data,
        data_sets.hold_out(data),
        3,
        teacher=small_jobs.net(name="teacher"),
        student=small_jobs.net(name="student"),
    )


class EstimateTest(absltest.TestCase):
    def seconds(self, **settings):
        """With a teacher that takes 10 s for a batch, and a student 1 s."""
        with mock.patch.object(
            estimates,
            "forward_seconds",
            lambda model, batch: {"teacher": 10.0, "student": 1.0}[model.name],
        ):
            return estimates.expected_seconds(bench(**settings))

    def test_counts_the_steps_of_each_model(self):
        # 48 images for training and 12 for validation: 4 steps and 1 an epoch,
        # for 3 epochs; a training step is 3 passes.
        alone = 3 * (3 * 1 * 4 + 1 * 1)
        teacher = 3 * (3 * 10 * 4 + 10 * 1)
        # It asks the teacher in training and in validation.
        distilled = alone + 3 * 10 * (4 + 1)
        start = estimates.START_SECONDS
        self.assertEqual(
            self.seconds(),
            {
                arms.TEACHER: teacher + start,
                arms.ALONE: alone + start,
                arms.SMOOTHING: alone + start,
                arms.DISTILLED: distilled + start,
            },
        )

    def test_a_cache_spares_the_teacher(self):
        found = self.seconds(cache="answers")
        self.assertEqual(found[arms.DISTILLED], found[arms.ALONE])

    def test_measures_a_model(self):
        found = bench()
        batch = found.data.train_images[:4]
        self.assertBetween(
            estimates.forward_seconds(found.student, batch), 1e-6, 10.0
        )

    def test_tells_how_to_make_a_long_job_shorter(self):
        short = estimates.sentence(90.0, 25, 10)
        self.assertEqual(short, "25 models are trained, in roughly 90 s.")
        text = estimates.sentence(4 * 3600.0, 25, 10)
        self.assertRegex(text, "roughly 4.0 h. Shorter: --epochs=1 --seeds=2.")


if __name__ == "__main__":
    absltest.main()
