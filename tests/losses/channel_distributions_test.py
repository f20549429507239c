import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests.losses import precision
from tests.references import maps

CWD = losses.ChannelDistributions


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


TEACHER = normal(3, 4, 2, 5)
STUDENT = normal(3, 4, 2, 5, seed=1)
MASK = normal(3, 4, 2, seed=2) > 0
MASK[1] = False


class ChannelDistributionsTest(parameterized.TestCase):
    def test_by_hand(self):
        # (1/2, 1/2) against (3/4, 1/4) in one channel, equal in the other:
        # half of log(2/3) / 2 + log(2) / 2, times 4 for the temperature.
        teacher = np.zeros((1, 2, 2))
        student = 2 * np.log([[[3.0, 1.0], [1.0, 1.0]]])
        np.testing.assert_allclose(
            CWD(2.0)(teacher, student), [np.log(4 / 3)], rtol=1e-6
        )

    @parameterized.parameters(0.5, 4.0)
    def test_equals_the_reference(self, temperature):
        result = precision.run(lambda: CWD(temperature), TEACHER, STUDENT)
        expected = maps.channel_distributions(
            result.teacher, result.student, temperature
        )
        np.testing.assert_allclose(result.value, expected, rtol=1e-5)

    @parameterized.named_parameters(*precision.POLICIES)
    def test_what_a_mask_hides_does_not_count(self, policy, dtype):
        # A number like -1000 in its place would still be seen, or be infinite
        # in half precision.
        hidden = ~MASK[..., None] * 6e4
        result = precision.run(
            lambda: lambda t, s: CWD()(t, s, position_weights=MASK),
            TEACHER + hidden,
            STUDENT - hidden,
            dtype,
            policy,
        )
        expected = maps.channel_distributions(
            result.teacher, result.student, mask=MASK
        )
        np.testing.assert_allclose(result.value, expected, 1e-5, 1e-7)
        self.assertTrue(np.all(np.isfinite(result.gradient)))
        np.testing.assert_array_equal(result.gradient[~MASK], 0)

    def test_a_keras_mask_hides_steps(self):
        teacher, student = normal(2, 5, 3), normal(2, 5, 3, seed=1)
        student[:, 3:] = 0
        masked = keras.layers.Masking()(ops.array(student, "float32"))
        np.testing.assert_allclose(
            CWD()(teacher, masked),
            maps.channel_distributions(
                teacher[:, :3, None], student[:, :3, None]
            ),
            rtol=1e-5,
        )

    def test_a_position_of_weight_2_is_two(self):
        teacher, student = normal(2, 4, 3), normal(2, 4, 3, seed=1)
        counts = [2, 1, 0, 3]
        copies = [np.repeat(x, counts, axis=1) for x in (teacher, student)]
        for scale in (1.0, 0.01):
            weights = scale * np.array([counts] * 2)
            np.testing.assert_allclose(
                CWD()(teacher, student, position_weights=weights),
                CWD()(*copies),
                rtol=1e-5,
            )

    def test_far_positions_have_a_finite_divergence(self):
        # Where a softmax comes before the logarithm, this is infinite. All of
        # p is on the left and all of q on the right, 800 / 4 nats away.
        teacher = np.array([[[400.0], [-400.0]]])
        result = precision.run(CWD, teacher, -teacher)
        np.testing.assert_allclose(result.value, [16 * 200], rtol=1e-6)
        self.assertTrue(np.all(np.isfinite(result.gradient)))

    def test_channels_and_sizes_may_differ(self):
        loss = CWD()
        value = loss(TEACHER, normal(3, 2, 1, 3))
        self.assertEqual(value.shape, (3,))
        self.assertNotEmpty(loss.trainable_variables)

    def test_rejects_a_mask_of_another_size(self):
        student = keras.layers.Masking()(ops.ones((1, 4, 2)))
        loss = CWD(projector=keras.layers.AveragePooling1D(2))
        with self.assertRaisesRegex(ValueError, "Masked maps must have equal"):
            loss(normal(1, 2, 2), student)

    def test_rejects_features_without_positions(self):
        with self.assertRaisesRegex(ValueError, r"\(None, 4\).*positions"):
            CWD().build((None, 4), (None, 4))


if __name__ == "__main__":
    absltest.main()
