import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd import procedures
from keras_kd import teachers
from tests import reference
from tests import support
from tests.procedures import small_chains
from tests.procedures.small_chains import answers
from tests.procedures.small_chains import kernel_of
from tests.procedures.small_chains import linear
from tests.procedures.small_chains import step


def run(**kwargs):
    defaults = small_chains.ONE_STEP | {"optimizer": small_chains.optimizer()}
    return procedures.born_again(**defaults | {"generations": 2} | kwargs)


@support.eager_tests
class BornAgainTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.teacher, kernels = linear(), []

        def build_network():
            made = linear()
            kernels.append(kernel_of(made))
            return made

        self.build_network, self.kernels = build_network, kernels

    def run_all(self, **kwargs):
        given = {"teacher": self.teacher, "build_network": self.build_network}
        return run(**given | kwargs)

    def assert_each_was_taught_by_the_last(self, result, *labels):
        teacher = kernel_of(self.teacher)
        for first, network in zip(
            self.kernels, result.generations, strict=False
        ):
            teacher = step(first, answers(teacher), *labels)
            np.testing.assert_allclose(
                kernel_of(network), teacher, rtol=1e-4, atol=1e-6
            )

    def test_each_generation_learns_the_answers_of_the_one_before(self):
        self.assert_each_was_taught_by_the_last(self.run_all())

    def test_labels_can_be_added(self):
        result = self.run_all(student_loss_weight=1.0)
        labels = np.eye(3)[small_chains.Y]
        self.assert_each_was_taught_by_the_last(result, labels)

    def test_any_loss_can_be_used(self):
        result = self.run_all(
            distillation_losses=losses.LogitRegression(), generations=1
        )
        (first,), x = self.kernels, np.float64(small_chains.X)
        # Half the square of the difference has it as its gradient.
        error = x @ (first - kernel_of(self.teacher))
        np.testing.assert_allclose(
            kernel_of(result.student),
            first - small_chains.RATE * x.T @ error / len(x),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_generations_begin_with_weights_of_their_own(self):
        self.run_all()
        first, second = self.kernels
        self.assertGreater(np.abs(first - second).max(), 0.1)

    def test_there_are_as_many_as_asked_for(self):
        result = self.run_all(generations=3)
        stages = [f"generation_{i}" for i in (1, 2, 3)]
        self.assertEqual(list(result.histories), stages)
        self.assertLen(self.kernels, 3)
        self.assertIs(result.student, result.generations[-1])

    def test_the_ensemble_averages_the_generations(self):
        result = self.run_all()
        x = small_chains.X
        student = linear()
        distiller = keras_kd.Distiller(
            teacher=result.ensemble,
            student=student,
            distillation_losses=losses.SoftTargets(1.0),
        )
        distiller.compile()
        mean = np.mean(
            [answers(kernel_of(each)) for each in result.generations], axis=0
        )
        # The divergence from the mean, and from neither generation.
        expected = reference.kl_divergence(
            np.log(mean), np.float64(x) @ kernel_of(student)
        ).mean()
        found = support.evaluated(distiller, x)["soft_targets"]
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        self.assertIsInstance(result.ensemble, teachers.EnsembleTeacher)

    def test_a_run_that_goes_on_begins_with_the_first_weights(self):
        folder = support.folder(self)
        with self.assertRaises(KeyboardInterrupt):
            stop = support.Interrupt(2)
            self.run_all(directory=folder, callbacks=[stop])
        result = self.run_all(directory=folder)
        self.assertLen(self.kernels, 4)  # The first two count.
        self.assert_each_was_taught_by_the_last(result)


@pytest.mark.slow
class BenefitTest(absltest.TestCase):
    def test_a_generation_beats_a_network_that_learns_alone(self):
        def taught(student, **kwargs):
            built = iter([linear(), student])
            run(build_network=lambda: next(built), **kwargs)

        gains = small_chains.gains(taught)
        self.assertGreater(np.mean(gains), 0.05, gains)


if __name__ == "__main__":
    absltest.main()
