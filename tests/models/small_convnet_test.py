import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models
from keras_kd import taps


class SmallConvnetTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("digits", (8, 8, 1), 2, [8, 4]),
        ("mnist", (28, 28, 1), 3, [28, 14, 7]),
        ("photographs", (96, 96, 3), 3, [48, 24, 12]),
    )
    def test_stages_halve_the_image(self, image_shape, num_stages, sizes):
        model = models.small_convnet(image_shape, 5, widths=[2] * num_stages)
        stages = [model.get_layer(f"stage{n + 1}") for n in range(num_stages)]
        self.assertEqual([s.output.shape[1] for s in stages], sizes)
        self.assertEqual(model.output_shape, (None, 5))

    @parameterized.parameters(8, 28, 33, 64, 224)
    def test_last_layer_sees_at_most_16_places(self, size):
        model = models.small_convnet((size, size, 1), 5, widths=(2, 4, 8))
        places = model.get_layer("flatten").output.shape[-1] // 8
        self.assertLessEqual(places, 16)

    def test_gives_logits(self):
        # Probabilities would sum to 1.
        model = models.small_convnet((8, 8, 1), 3, widths=(4,))
        rows = model.predict(10 * np.ones((2, 8, 8, 1)), verbose=0)
        self.assertGreater(np.abs(rows.sum(axis=1) - 1).min(), 1e-3)

    def test_every_stage_can_be_tapped(self):
        model = models.small_convnet((8, 8, 1), 3, widths=(4, 8))
        self.assertContainsSubset(["stage1", "stage2"], taps.names(model))

    def test_rejects_vectors(self):
        with self.assertRaisesRegex(
            ValueError,
            r"\(height, width, channels\).*Received: image_shape=\(64,\)",
        ):
            models.small_convnet((64,), 10)

    def test_rejects_no_stages(self):
        with self.assertRaisesRegex(
            ValueError, r"at least one entry.*Received: widths=\(\)"
        ):
            models.small_convnet((8, 8, 1), 10, widths=())


if __name__ == "__main__":
    absltest.main()
