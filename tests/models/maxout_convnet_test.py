import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models
from keras_kd import taps
from tests import support

BLOCKS = (
    models.MaxoutBlock(4),
    models.MaxoutBlock(4, 5, 1, pieces=3, pool_size=4, pool_strides=2),
    models.MaxoutBlock(6, pool_size=0),
)


def build(**kwargs):
    return models.maxout_convnet((9, 9, 2), 5, BLOCKS, **kwargs)


class MaxoutConvnetTest(parameterized.TestCase):
    def test_blocks_can_be_tapped_behind_their_pooling(self):
        model = build(dense_units=7)
        shapes = {
            name: model.get_layer(name).output.shape[1:]
            for name in ("block1", "block2", "block3", "dense", "logits")
        }
        # 9, with padding 1 of a kernel of 3; 9 + 2 - 5 + 1 = 7, and windows of
        # 4 at 0, 2 and 4, the last of which sticks out; then all of the map.
        self.assertEqual(
            shapes,
            {
                "block1": (9, 9, 4),
                "block2": (3, 3, 4),
                "block3": (1, 1, 6),
                "dense": (7,),
                "logits": (5,),
            },
        )
        self.assertContainsSubset(shapes, taps.names(model))

    def test_has_the_weights_of_its_layers(self):
        convolutions = 9 * 2 * 8 + 8 + 25 * 4 * 12 + 12 + 9 * 4 * 12 + 12
        dense = 6 * 14 + 14 + 7 * 5 + 5
        self.assertEqual(
            build(dense_units=7).count_params(), convolutions + dense
        )

    def test_weights_are_drawn_as_in_the_paper(self):
        keras.utils.set_random_seed(0)
        kernels = [v for v in build().weights if len(v.shape) > 1]
        for kernel in support.values(kernels):
            self.assertLessEqual(np.abs(kernel).max(), 0.005)
            # That of U(-a, a) is a / sqrt(3).
            self.assertAlmostEqual(kernel.std(), 0.005 / 3**0.5, delta=0.0005)

    @parameterized.parameters(
        "he_normal", keras.initializers.HeNormal, keras.initializers.HeNormal()
    )
    def test_kernels_of_one_shape_differ(self, initializer):
        if not isinstance(initializer, str):
            # Made within the test: it draws its seed when it is made.
            initializer = keras.initializers.HeNormal()
        model = models.maxout_convnet(
            (6, 6, 4), 5, [BLOCKS[0]] * 2, kernel_initializer=initializer
        )
        first, second = support.values(
            model.get_layer(f"block{n}_conv").kernel for n in (1, 2)
        )
        self.assertEqual(first.shape, second.shape)
        self.assertGreater(np.abs(first - second).max(), 0.1)

    def test_norms_are_bounded_for_each_piece_of_each_unit(self):
        model = models.maxout_convnet(
            (6, 6, 2),
            5,
            [models.MaxoutBlock(4, max_norm=0.5), models.MaxoutBlock(4)],
            dense_max_norm=0.25,
        )
        for layer in model.layers:
            if layer.weights:
                shape = layer.kernel.shape
                layer.kernel.assign(np.ones(shape) * np.arange(shape[-1]))
        # A rate of zero: what changes the weights is the constraint.
        model.compile(keras.optimizers.SGD(0.0), support.cross_entropy())
        rng = np.random.default_rng(0)
        model.train_on_batch(rng.normal(size=(4, 6, 6, 2)), np.arange(4))
        for name, bound in (("block1_conv", 0.5), ("logits", 0.25)):
            kernel = support.values([model.get_layer(name).kernel])[0]
            norms = np.sqrt((kernel**2).reshape(-1, kernel.shape[-1]).sum(0))
            # The others were far above the bound.
            self.assertEqual(norms[0], 0)
            np.testing.assert_allclose(norms[1:], bound, rtol=1e-5)
        free = support.values([model.get_layer("block2_conv").kernel])[0]
        self.assertEqual(free.max(), free.shape[-1] - 1)

    def test_pieces_are_normalised(self):
        model = build(batch_normalization=True, dense_units=7)
        normalisations = {
            layer.name: layer.gamma.shape[0]
            for layer in model.layers
            if isinstance(layer, keras.layers.BatchNormalization)
        }
        self.assertEqual(
            normalisations,
            {
                "block1_conv_normalization": 8,
                "block2_conv_normalization": 12,
                "block3_conv_normalization": 12,
                "dense_linear_normalization": 14,
            },
        )

    def test_dropout_stands_behind_each_block(self):
        names = [
            layer.name
            for layer in build(dropout=0.5).layers
            if isinstance(layer, keras.layers.Dropout)
        ]
        self.assertLen(names, len(BLOCKS))

    def test_comes_back_from_a_file(self):
        model = build(dense_units=7, dense_max_norm=1.0)
        path = support.folder(self) / "model.keras"
        model.save(path)
        x = np.random.default_rng(0).normal(size=(2, 9, 9, 2))
        loaded = keras.saving.load_model(path)
        np.testing.assert_array_equal(loaded(x), model(x))
        self.assertEqual(
            loaded.get_layer("logits").kernel_constraint.get_config(),
            model.get_layer("logits").kernel_constraint.get_config(),
        )

    def test_rejects_vectors(self):
        with self.assertRaisesRegex(
            ValueError, r"height, width.*Received: image_shape=\(64,\)"
        ):
            models.maxout_convnet((64,), 5, BLOCKS)

    def test_rejects_no_blocks(self):
        with self.assertRaisesRegex(
            ValueError, r"at least one entry.*Received: blocks=\(\)"
        ):
            models.maxout_convnet((8, 8, 1), 5, ())


if __name__ == "__main__":
    absltest.main()
