import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from keras_kd import procedures
from keras_kd import teachers
from tests import support
from tests.procedures import small_chains
from tests.procedures.small_chains import answers
from tests.procedures.small_chains import kernel_of
from tests.procedures.small_chains import linear
from tests.procedures.small_chains import step


def run(**kwargs):
    defaults = small_chains.ONE_STEP | {
        "optimizer": small_chains.optimizer(),
        "distillation_losses": losses.SoftTargets(1.0),
        "student_loss_weight": 0.0,
    }
    return procedures.teacher_assistants(**defaults | kwargs)


@support.eager_tests
class TeacherAssistantsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.teacher, *self.assistants, self.student = (
            linear() for _ in range(4)
        )
        self.networks = [*self.assistants, self.student]
        self.kernels = [kernel_of(each) for each in self.networks]

    def run_all(self, **kwargs):
        return run(
            **{
                "teacher": self.teacher,
                "assistants": self.assistants,
                "student": self.student,
            }
            | kwargs
        )

    def assert_each_was_taught_by_the_last(self, *labels):
        teacher = kernel_of(self.teacher)
        for first, network in zip(self.kernels, self.networks, strict=True):
            teacher = step(first, answers(teacher), *labels)
            np.testing.assert_allclose(
                kernel_of(network), teacher, rtol=1e-4, atol=1e-6
            )

    def test_each_network_is_taught_by_the_one_before(self):
        result = self.run_all()
        self.assert_each_was_taught_by_the_last()
        self.assertEqual(result.assistants, tuple(self.assistants))
        self.assertIs(result.student, self.student)

    def test_labels_count_in_each_stage(self):
        self.run_all(student_loss_weight=1.0)
        self.assert_each_was_taught_by_the_last(np.eye(3)[small_chains.Y])

    def test_without_assistants_it_is_plain_distillation(self):
        result = self.run_all(assistants=[])
        self.assertEqual(list(result.histories), ["student"])
        expected = step(self.kernels[-1], answers(kernel_of(self.teacher)))
        np.testing.assert_allclose(
            kernel_of(self.student), expected, rtol=1e-4, atol=1e-6
        )

    def test_a_run_that_goes_on_begins_with_the_first_weights(self):
        folder = support.folder(self)
        with self.assertRaises(KeyboardInterrupt):
            # The second stage has run, and was not backed up.
            stop = support.Interrupt(2)
            self.run_all(directory=folder, callbacks=[stop])
        again = [linear() for _ in self.networks]
        self.networks = again
        *assistants, student = again
        self.run_all(directory=folder, assistants=assistants, student=student)
        self.assert_each_was_taught_by_the_last()

    def test_losses_are_new_in_each_stage(self):
        widths = (8, 6, 4, 2)
        teacher, *assistants, student = map(support.dense, widths)
        # Its projector has another shape in each.
        hint = losses.Hint(
            teacher_tap="hidden", student_tap="hidden", name="guide"
        )
        result = run(
            teacher=teacher,
            assistants=assistants,
            student=student,
            distillation_losses=[hint],
        )
        for history in result.histories.values():
            self.assertIn("guide", history)
        self.assertFalse(hint.built)

    def test_a_function_gives_the_losses_of_each_pair(self):
        pairs = []

        def make_losses(teacher, student):
            pairs.append((teacher, student))
            return losses.SoftTargets(1.0, loss_weight=float(len(pairs)))

        self.run_all(distillation_losses=make_losses)
        models = [self.teacher, *self.networks]
        self.assertEqual(pairs, list(zip(models, models[1:], strict=False)))
        # A weight of 2 is the same loss twice.
        taught = step(self.kernels[0], answers(kernel_of(self.teacher)))
        target = answers(taught)
        np.testing.assert_allclose(
            kernel_of(self.networks[1]),
            step(self.kernels[1], target, target),
            rtol=1e-4,
            atol=1e-6,
        )

    @pytest.mark.slow
    def test_a_cache_teaches_the_first_stage(self):
        data = (small_chains.X, small_chains.Y)
        cached = teachers.cache_teacher(
            self.teacher, data, support.folder(self), dtype="float32"
        )
        self.run_all(
            teacher=cached,
            data=cached.attach(data).batch(len(data[0])),
            batch_size=None,
        )
        self.assert_each_was_taught_by_the_last()

    @parameterized.parameters([(0, 1, 0)], [(0, 0)])
    def test_refuses_one_model_for_two_stages(self, places):
        chosen = [self.assistants[place] for place in places]
        with self.assertRaisesRegex(ValueError, "must be two models.*Received"):
            self.run_all(assistants=chosen)

    def test_refuses_a_faulty_last_stage_before_the_first(self):
        other = support.dense(4, classes=5, name="other")
        with self.assertRaisesRegex(ValueError, "5"):
            self.run_all(student=other)
        for kernel, network in zip(self.kernels, self.assistants, strict=False):
            np.testing.assert_array_equal(kernel_of(network), kernel)


@pytest.mark.slow
class BenefitTest(absltest.TestCase):
    def test_the_student_beats_one_that_learns_alone(self):
        def taught(**kwargs):
            run(assistants=[linear()], **kwargs)

        gains = small_chains.gains(taught)
        self.assertGreater(np.mean(gains), 0.05, gains)


if __name__ == "__main__":
    absltest.main()
