import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests.losses import precision
from tests.references import maps

NST = losses.NeuronSelectivityTransfer


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class NeuronSelectivityTransferTest(parameterized.TestCase):
    def test_by_hand(self):
        # The kernel is 1 for a channel and itself, and 1/2 for (1, 0) and
        # (1, 1) / root 2. Pairs of the teacher's two: 1, 1/2, 1/2, 1.
        teacher = np.array([[[2.0, 1.0], [0.0, 1.0]]])
        student = np.array([[[5.0], [0.0]]])
        np.testing.assert_allclose(
            NST()(teacher, student), [3 / 4 + 1 - 2 * 3 / 4], rtol=1e-6
        )

    @parameterized.named_parameters(
        # Fewer positions than channels, and more.
        ("products_of_positions", (3, 2, 2, 6), (3, 2, 2, 5)),
        ("products_of_channels", (3, 4, 4, 3), (3, 4, 4, 2)),
        ("pooled", (3, 4, 4, 3), (3, 2, 2, 5)),
    )
    def test_equals_the_reference(self, theirs, ours):
        result = precision.run(NST, normal(*theirs), normal(*ours, seed=1))
        np.testing.assert_allclose(
            result.value,
            maps.selectivity(result.teacher, result.student),
            rtol=1e-5,
        )

    @parameterized.named_parameters(
        ("few_positions", (1, 2, 2, 6)), ("many_positions", (1, 4, 4, 3))
    )
    def test_gradient_is_that_of_central_differences(self, shape):
        teacher, student = normal(*shape), normal(*shape, seed=1)
        actual = precision.run(NST, teacher, student).gradient
        for place in ((0, 0, 0, 0), (0, 1, 1, 2)):
            shift = np.zeros(shape)
            shift[place] = 1e-5
            high, low = (
                maps.selectivity(teacher, student + s)[0]
                for s in (shift, -shift)
            )
            np.testing.assert_allclose(
                actual[place], (high - low) / 2e-5, rtol=1e-3, atol=1e-6
            )

    def test_no_order_and_no_scale_of_channels_counts(self):
        teacher, student = normal(2, 4, 4, 3), normal(2, 4, 4, 3, seed=1)
        other = student[..., ::-1] * [1e-3, -2.0, 1e3]
        np.testing.assert_allclose(
            NST()(teacher, other), NST()(teacher, student), rtol=1e-5
        )

    def test_a_channel_that_is_never_active_has_a_finite_gradient(self):
        student = normal(2, 2, 2, 4)
        student[..., 1] = 0
        result = precision.run(NST, normal(2, 2, 2, 3, seed=1), student)
        self.assertTrue(np.all(np.isfinite(result.value)))
        self.assertTrue(np.all(np.isfinite(result.gradient)))

    def test_masked_steps_do_not_count(self):
        teacher, student = normal(2, 5, 3), normal(2, 5, 4, seed=1)
        teacher[:, 3:] = 1e6
        student[:, 3:] = 0
        masked = keras.layers.Masking()(ops.array(student, "float32"))
        np.testing.assert_allclose(
            NST()(teacher, masked),
            NST()(teacher[:, :3], student[:, :3]),
            rtol=1e-5,
        )

    def test_rejects_features_without_positions(self):
        with self.assertRaisesRegex(ValueError, r"\(None, 4\).*positions"):
            NST().build((None, 4), (None, 4))


if __name__ == "__main__":
    absltest.main()
