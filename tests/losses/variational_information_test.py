import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests import support
from tests.losses import precision
from tests.references import maps

VID = losses.VariationalInformation


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class VariationalInformationTest(parameterized.TestCase):
    def test_by_hand(self):
        # (2^2 / 4 + log 4) / 2, and at the mean less than nothing where the
        # variance is below 1.
        loss = VID(4.0, projector=None)
        actual = loss(np.ones((1, 3)), np.full((1, 3), 3.0))
        np.testing.assert_allclose(actual, [0.5 + np.log(2)], rtol=1e-6)
        actual = VID(0.25, projector=None)(np.ones((1, 3)), np.ones((1, 3)))
        np.testing.assert_allclose(actual, [-np.log(2)], rtol=1e-5)

    @parameterized.parameters(1e-4, 1.0, 5.0, 1e4)
    def test_begins_with_the_variance(self, variance):
        loss = VID(variance)
        loss.build((None, 4), (None, 2))
        np.testing.assert_allclose(loss.variance, [variance] * 4, rtol=1e-4)

    def test_equals_the_reference(self):
        loss = VID()
        teacher, student = normal(3, 2, 2, 4), normal(3, 2, 2, 5, seed=1)
        loss.build(teacher.shape, student.shape)
        raw = normal(4, seed=2)
        loss.raw_variance.assign(raw)
        actual = loss(teacher, student)
        kernels = [
            ops.convert_to_numpy(weight)
            for weight in loss.projector.trainable_variables
        ]
        # Three, without bias, each as wide as the teacher's feature.
        self.assertEqual([k.shape for k in kernels], [(5, 4), (4, 4), (4, 4)])
        mean = maps.variational_mean(student, kernels)
        expected = maps.variational_information(teacher, mean, raw)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_the_variance_is_trained(self):
        # Public code leaves it out of what the optimizer gets, so that it
        # stays what it was.
        keras.utils.set_random_seed(0)
        distiller = support.distiller(
            VID(teacher_tap="hidden", student_tap="hidden", name="told")
        )
        distiller.compile(
            keras.optimizers.SGD(0.1), support.cross_entropy(), run_eagerly=True
        )
        loss = distiller.distillation_losses[0]
        before = ops.convert_to_numpy(loss.variance)
        distiller.train_on_batch(*support.data())
        moved = ops.convert_to_numpy(loss.variance) - before
        self.assertGreater(np.abs(moved).min(), 1e-4)

    def test_a_channel_that_cannot_be_told_gets_a_large_variance(self):
        # Its best value is the mean square of what the mean leaves.
        loss = VID(projector=None)
        teacher = normal(500, 2) * [1.0, 3.0]
        student = np.zeros((500, 2))
        loss.build(teacher.shape, student.shape)
        best = np.mean(teacher**2, axis=0)
        loss.raw_variance.assign(np.log(np.expm1(best - 1e-5)))
        lowest = np.mean(loss(teacher, student))
        for factor in (0.9, 1.1):
            loss.raw_variance.assign(np.log(np.expm1(factor * best)))
            self.assertGreater(np.mean(loss(teacher, student)), lowest)

    def test_gives_one_value_per_step(self):
        teacher, student = normal(2, 5, 4), normal(2, 5, 3)
        loss = VID()
        together = loss(teacher, student)
        self.assertEqual(together.shape, (2, 5))
        np.testing.assert_allclose(
            loss(teacher[:, :2], student[:, :2]), together[:, :2], rtol=1e-5
        )

    def test_positions_may_differ(self):
        loss = VID()
        value = loss(normal(2, 3, 3, 4), normal(2, 6, 6, 2))
        self.assertEqual(value.shape, (2,))

    def test_stays_finite_where_the_variance_has_gone_to_nothing(self):
        def collapsed():
            loss = VID(projector=None)
            loss.build((None, 3), (None, 3))
            loss.raw_variance.assign(np.full(3, -1e4))
            return loss

        result = precision.run(collapsed, np.ones((1, 3)), np.zeros((1, 3)))
        expected = (1e5 + np.log(1e-5)) / 2
        np.testing.assert_allclose(result.value, [expected], rtol=1e-5)

    def test_rejects_unknown_channels(self):
        with self.assertRaisesRegex(ValueError, "number of channels must be"):
            VID().build((None, 4, None), (None, 4, None))


if __name__ == "__main__":
    absltest.main()
