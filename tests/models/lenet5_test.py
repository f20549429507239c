import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models
from keras_kd import taps


class Lenet5Test(parameterized.TestCase):
    @parameterized.named_parameters(
        # (25 + 1) 6, (25 * 6 + 1) 16, (400 + 1) 120, (120 + 1) 84, (84 + 1) 10.
        ("whole", (6, 16), 156 + 2416 + 48120 + 10164 + 850),
        # (25 + 1) 3, (25 * 3 + 1) 8, (200 + 1) 120; the rest is the same.
        ("half", (3, 8), 78 + 608 + 24120 + 10164 + 850),
    )
    def test_has_the_parameters_of_the_paper(self, channels, expected):
        model = models.lenet5((28, 28, 1), 10, channels)
        self.assertEqual(model.count_params(), expected)

    def test_maps_are_those_of_a_padded_image(self):
        model = models.lenet5((28, 28, 1), 10)
        shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
        self.assertEqual(shapes["conv1"], (28, 28, 6))
        self.assertEqual(shapes["conv2"], (10, 10, 16))
        self.assertEqual(shapes["flatten"], (400,))

    def test_layers_are_named_for_taps(self):
        model = models.lenet5((28, 28, 1), 10)
        self.assertEqual(
            taps.names(model),
            [
                "conv1",
                "pool1",
                "conv2",
                "pool2",
                "flatten",
                "dense1",
                "dense2",
                "logits",
            ],
        )

    def test_gives_logits(self):
        model = models.lenet5((12, 12, 1), 3)
        rows = model.predict(10 * np.ones((2, 12, 12, 1)), verbose=0)
        # Probabilities would sum to 1.
        self.assertGreater(np.abs(rows.sum(axis=1) - 1).min(), 1e-3)

    def test_hidden_layers_are_relu(self):
        model = models.lenet5((12, 12, 1), 3)
        x = np.random.default_rng(0).normal(size=(4, 12, 12, 1))
        for name in ("conv1", "conv2", "dense1", "dense2"):
            layer = model.get_layer(name)
            values = keras.Model(model.inputs[0], layer.output).predict(
                x, verbose=0
            )
            self.assertEqual(values.min(), 0)
            self.assertGreater(values.max(), 0)

    @parameterized.named_parameters(
        ("small", {"image_shape": (11, 28, 1)}, r"12 pixels.*\(11, 28, 1\)"),
        ("vector", {"image_shape": (64,)}, r"image_shape=\(64,\)"),
        ("channels", {"channels": (6,)}, r"`channels` must.*channels=\(6,\)"),
        ("units", {"units": (1, 2, 3)}, r"`units` must.*units=\(1, 2, 3\)"),
    )
    def test_rejects(self, changed, message):
        arguments = {"image_shape": (28, 28, 1), "num_classes": 10}
        with self.assertRaisesRegex(ValueError, message):
            models.lenet5(**arguments | changed)


if __name__ == "__main__":
    absltest.main()
