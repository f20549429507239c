import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

from keras_kd import losses
from tests import support
from tests.references import rebuilt_maps

MGD = losses.MaskedGeneration


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(shape, **kwargs):
    """A loss whose convolutions return what they get, if it is above 0."""
    loss = MGD(**kwargs)
    loss.build(shape, shape)
    for layer in loss.convolutions:
        kernel = np.zeros(layer.kernel.shape)
        middle = tuple(n // 2 for n in kernel.shape[:-2])
        kernel[middle] = np.eye(kernel.shape[-1])
        layer.kernel.assign(kernel)
    return loss


class MaskedGenerationTest(parameterized.TestCase):
    def test_is_a_sum_over_the_map(self):
        # 2 x 3 positions of 4 channels, each off by 2; a mean would be 4.
        shape = (1, 2, 3, 4)
        actual = built(shape)(np.full(shape, 3.0), np.ones(shape))
        np.testing.assert_allclose(actual, [24 * 4], rtol=1e-6)

    def test_equals_the_reference(self):
        loss = MGD()
        teacher, student = normal(2, 3, 4, 5), normal(2, 3, 4, 5, seed=1)
        actual = loss(teacher, student)
        kernels, biases = zip(
            *(map(ops.convert_to_numpy, c.weights) for c in loss.convolutions),
            strict=True,
        )
        expected = rebuilt_maps.masked_generation(
            teacher, student, np.ones((2, 3, 4, 1)), kernels, biases
        )
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    @parameterized.named_parameters(
        ("positions", False, (2, 20, 30, 4)), ("channels", True, (2, 1, 1, 600))
    )
    def test_masks_the_part_in_training(self, mask_channels, shape):
        loss = built(
            shape, masked_part=0.3, mask_channels=mask_channels, seed=1
        )
        value = loss(np.zeros(shape), np.ones(shape), training=True)
        kept = np.array(value) / np.prod(shape[1:])
        # 600 draws an example: the deviation of the part is .019.
        np.testing.assert_allclose(kept, 0.7, atol=0.08)
        self.assertNotEqual(*kept)

    @parameterized.named_parameters(
        ("positions", False, {0, 4}), ("channels", True, {0, 1, 2, 3, 4})
    )
    def test_masks_whole_positions_or_channels(self, mask_channels, possible):
        shape = (1, 3, 3, 4)
        student = np.zeros(shape)
        student[0, 1, 1] = 1.0
        loss = built(shape, masked_part=0.5, mask_channels=mask_channels)
        seen = {
            round(float(loss(0 * student, student, training=True)[0]))
            for _ in range(20)
        }
        self.assertLessEqual(seen, possible)
        self.assertGreater(len(seen), 1)

    def test_masks_are_new_in_each_step_and_the_same_for_a_seed(self):
        shape = (1, 4, 4, 1)
        student = 2.0 ** np.arange(16).reshape(shape)
        runs = []
        for _ in range(2):
            loss = built(shape, masked_part=0.5, seed=3)
            runs.append(
                [
                    float(loss(0 * student, student, training=True)[0])
                    for _ in range(4)
                ]
            )
        self.assertEqual(*runs)
        self.assertLen(set(runs[0]), 4)

    def test_nothing_is_masked_outside_of_training(self):
        shape = (2, 3, 3, 2)
        loss = built(shape, masked_part=0.9)
        before = ops.convert_to_numpy(loss.seeds.state)
        for mode in ({}, {"training": False}):
            value = loss(np.zeros(shape), np.ones(shape), **mode)
            np.testing.assert_allclose(value, [18, 18], rtol=1e-6)
        np.testing.assert_array_equal(
            ops.convert_to_numpy(loss.seeds.state), before
        )

    def test_positions_have_weights(self):
        shape = (1, 2, 2, 3)
        weights = np.array([[[0.0, 1.0], [2.0, 0.5]]])
        teacher = np.full(shape, 2.0)
        teacher[0, 0, 0] = np.inf
        actual = built(shape)(
            teacher, np.zeros(shape), position_weights=weights
        )
        np.testing.assert_allclose(actual, [3.5 * 3 * 4], rtol=1e-6)

    def test_masked_steps_are_neither_seen_nor_generated(self):
        teacher, student = normal(2, 5, 3), 1 + normal(2, 5, 3, seed=1) ** 2
        teacher[:, 3:] = 1e6
        student[:, 3:] = 0
        masked = keras.layers.Masking()(ops.array(student))
        loss = MGD()
        np.testing.assert_allclose(
            loss(teacher, masked),
            loss(teacher[:, :3], student[:, :3]),
            rtol=1e-5,
        )

    @support.eagerly()
    def test_a_distiller_keeps_the_state_of_the_masks(self):
        inputs = keras.Input((4, 4, 1))
        layer = keras.layers.Conv2D(2, 1, name="map")
        pooled = keras.layers.GlobalAveragePooling2D()(layer(inputs))
        teacher = keras.Model(inputs, keras.layers.Dense(3)(pooled))
        distiller = support.distiller(
            MGD(seed=5, teacher_tap="map", student_tap="map"),
            teacher=teacher,
            student=keras.models.clone_model(teacher),
        )
        distiller.compile("sgd", support.cross_entropy())
        state = distiller.distillation_losses[0].seeds.state
        self.assertIn(id(state), map(id, distiller.variables))
        before = ops.convert_to_numpy(state).copy()
        x, y = normal(4, 4, 4, 1), np.zeros(4)
        distiller.evaluate(x, y, verbose=0)
        np.testing.assert_array_equal(ops.convert_to_numpy(state), before)
        distiller.train_on_batch(x, y)
        self.assertGreater(
            np.abs(ops.convert_to_numpy(state) - before).max(), 0
        )

    def test_rejects_features_without_positions(self):
        with self.assertRaisesRegex(ValueError, r"\(None, 4\).*positions"):
            MGD().build((None, 4), (None, 4))

    def test_rejects_more_axes_than_a_convolution_has(self):
        shape = (None, 2, 2, 2, 2, 3)
        with self.assertRaisesRegex(ValueError, "one to three axes"):
            MGD().build(shape, shape)


if __name__ == "__main__":
    absltest.main()
