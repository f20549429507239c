import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from keras_kd.losses.orthogonal_projection import orthonormal
from tests import support
from tests.losses import precision
from tests.references import maps

VKD = losses.OrthogonalProjection


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class OrthogonalProjectionTest(parameterized.TestCase):
    def test_by_hand(self):
        # (3, 1) has mean 2 and deviation 1, so it becomes (1, -1); a student
        # of one channel, 2, is turned to 2 times a unit vector.
        loss = VKD()
        loss.build((None, 2), (None, 1))
        loss.kernel.assign([[3.0, 4.0]])
        # 2 (.6, .8) - (1, -1) = (.2, 2.6): .02 and 2.1, on average.
        actual = loss(np.array([[3.0, 1.0]]), np.array([[2.0]]))
        np.testing.assert_allclose(actual, [(0.02 + 2.1) / 2], rtol=1e-4)

    @parameterized.named_parameters(
        ("wider", (3, 2, 2, 5), (3, 4, 4, 3)), ("narrower", (3, 4), (3, 6))
    )
    def test_equals_the_reference(self, theirs, ours):
        loss = VKD()
        teacher, student = normal(*theirs), normal(*ours, seed=1)
        loss.build(theirs, ours)
        loss.kernel.assign(normal(ours[-1], theirs[-1], seed=2))
        expected = maps.orthogonal_projection(
            teacher, student, ops.convert_to_numpy(loss.projection)
        )
        result = precision.run(lambda: loss, teacher, student)
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)

    @support.eagerly()
    def test_stays_orthogonal_while_it_is_trained(self):
        keras.utils.set_random_seed(0)
        distiller = support.distiller(
            VKD(teacher_tap="hidden", student_tap="hidden")
        )
        distiller.compile(keras.optimizers.SGD(1.0), support.cross_entropy())
        loss = distiller.distillation_losses[0]
        before = ops.convert_to_numpy(loss.projection)
        for _ in range(3):
            distiller.train_on_batch(*support.data())
        after = ops.convert_to_numpy(loss.projection)
        self.assertGreater(np.abs(after - before).max(), 1e-3)
        short = after if after.shape[0] <= after.shape[1] else after.T
        np.testing.assert_allclose(
            short @ short.T, np.eye(len(short)), atol=1e-5
        )

    @parameterized.parameters(((5, 3),), ((3, 5),), ((4, 4),))
    def test_moves_little_when_the_matrix_does(self, shape):
        # A sign of the decomposition that flips would turn a vector round.
        matrix, step = normal(*shape), 1e-3 * normal(*shape, seed=1)
        for i in range(20):
            first, second = (
                ops.convert_to_numpy(orthonormal(ops.array(m, "float32")))
                for m in (matrix + i * step, matrix + (i + 1) * step)
            )
            self.assertLess(np.abs(second - first).max(), 0.1)

    def test_keeps_an_orthogonal_matrix(self):
        matrix, _ = np.linalg.qr(normal(5, 3))
        for one in (matrix, matrix.T, -matrix):
            np.testing.assert_allclose(
                orthonormal(ops.array(one, "float32")), one, atol=1e-6
            )

    def test_masked_steps_are_in_neither_mean(self):
        teacher, student = normal(2, 5, 3), normal(2, 5, 4, seed=1)
        teacher[:, 3:] = 1e6
        student[:, 3:] = 0
        masked = keras.layers.Masking()(ops.array(student, "float32"))
        loss = VKD()
        np.testing.assert_allclose(
            loss(teacher, masked),
            loss(teacher[:, :3], student[:, :3]),
            rtol=1e-5,
        )

    def test_a_constant_feature_of_the_teacher_is_zero(self):
        loss = VKD()
        actual = loss(np.full((1, 4), 1e4 / 3), np.zeros((1, 3)))
        np.testing.assert_allclose(actual, [0], atol=1e-3)

    def test_rejects_unknown_channels(self):
        with self.assertRaisesRegex(ValueError, "known number of channels"):
            VKD().build((None, None), (None, 4))


if __name__ == "__main__":
    absltest.main()
