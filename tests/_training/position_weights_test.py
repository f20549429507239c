"""Sample weights of positions, in losses that compare positions."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests import support
from tests.references import maps

EXAMPLES = 3
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(EXAMPLES, 4, 2, 2)).astype("float32")
Y = np.zeros((EXAMPLES, 4, 2), int)
KEPT = RANDOM.random((EXAMPLES, 4, 2)) < 0.6


def net():
    return keras.Sequential(
        [keras.Input((4, 2, 2)), keras.layers.Conv2D(3, 1, name="scores")]
    )


def evaluated(loss, weights):
    """The value of a loss in the logs, and the tensors that it compared."""
    keras.utils.set_random_seed(0)
    distiller = support.distiller(loss, teacher=net(), student=net())
    distiller.compile(loss=support.cross_entropy())
    logs = distiller.evaluate(
        X, Y, sample_weight=weights, verbose=0, return_dict=True
    )
    tensors = [
        ops.convert_to_numpy(model(X))
        for model in (distiller.teacher, distiller.student)
    ]
    return logs["named"], *tensors


@support.eagerly()
class PositionWeightsTest(parameterized.TestCase):
    @parameterized.parameters(1.0, 3.0)
    def test_a_position_without_weight_does_not_count(self, scale):
        value, teacher, student = evaluated(
            losses.ChannelDistributions(name="named"), scale * KEPT
        )
        expected = maps.channel_distributions(teacher, student, mask=KEPT)
        # The example weighs as much as its positions do on average.
        weights = scale * KEPT.mean(axis=(1, 2))
        np.testing.assert_allclose(
            value, np.mean(weights * expected), rtol=1e-5
        )

    def test_weights_of_examples_are_those_of_the_values_alone(self):
        weights = np.array([2.0, 0.5, 0.0])
        value, teacher, student = evaluated(
            losses.ChannelDistributions(name="named"), weights
        )
        expected = maps.channel_distributions(teacher, student)
        np.testing.assert_allclose(
            value, np.mean(weights * expected), rtol=1e-5
        )

    def test_a_sum_over_positions_is_weighted_once(self):
        weights = RANDOM.random((EXAMPLES, 4, 2))
        loss = losses.MaskedGeneration(0.0, name="named")
        # What is generated of nothing is nothing: the teacher's squares stay.
        loss.build((None, 4, 2, 3), (None, 4, 2, 3))
        for layer in loss.convolutions:
            layer.kernel.assign(np.zeros(layer.kernel.shape))
        value, teacher, _ = evaluated(loss, weights)
        squares = np.sum(teacher.astype("float64") ** 2, axis=-1)
        np.testing.assert_allclose(
            value, np.sum(weights * squares) / EXAMPLES, rtol=1e-5
        )


if __name__ == "__main__":
    absltest.main()
