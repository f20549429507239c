from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.cli._bench import outcome
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from tests.cli import small_jobs


def bench(**settings):
    """Of 48 training and 12 validation images."""
    given = {"epochs": 3, "batch_size": 20} | settings
    return small_jobs.bench(alternatives=[resolve(Settings(**given))])


class DescribeTest(parameterized.TestCase):
    @parameterized.parameters(
        (1.0, "sees all of them."),
        (0.25, "sees 12 of them, other ones for each seed."),
    )
    def test_says_how_many_images_students_see(self, fraction, text):
        found = outcome.describe(bench(fraction=fraction))
        self.assertIn(f"Each student {text}", found)


class TeacherWarningTest(absltest.TestCase):
    def test_a_good_teacher_gets_none(self):
        self.assertIsNone(outcome.teacher_warning(bench(), 0.9))

    def test_a_teacher_that_was_trained_too_little_gets_a_remedy(self):
        # 3 updates an epoch.
        self.assertRegex(
            outcome.teacher_warning(bench(), 0.3),
            "no better than chance.* had 9 updates with 48 images: raise "
            "--epochs",
        )


if __name__ == "__main__":
    absltest.main()
