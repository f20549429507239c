import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from keras_kd import models
from tests import support


def images(*shape, seed=0):
    """Random images; below zero too, where a padding with zeros would show."""
    return np.random.default_rng(seed).normal(-3, 1, shape).astype("float32")


def windows_maximum(x, size, strides):
    """Maxima of all windows that begin in the map and are not inside others."""
    rows, columns = (
        range(0, max(length - size, 0) + strides, strides)
        for length in x.shape[1:3]
    )
    return np.array(
        [
            [
                x[:, row : row + size, column : column + size].max((1, 2))
                for column in columns
            ]
            for row in rows
        ]
    ).transpose(2, 0, 1, 3)


class MaxoutTest(parameterized.TestCase):
    @parameterized.parameters((6,), (5, 6), (4, 5, 6))
    def test_each_unit_is_the_largest_of_its_pieces(self, *shape):
        x = images(2, *shape)
        # Pieces of 6 channels: units 0 and 1 in turn.
        expected = np.stack(
            [x[..., unit::2].max(axis=-1) for unit in (0, 1)], axis=-1
        )
        np.testing.assert_array_equal(models.Maxout(3)(x), expected)

    def test_gradient_reaches_the_largest_piece_only(self):
        x = tf.Variable([[1.0, 5.0, 3.0, 4.0]])
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(models.Maxout(2)(x))
        np.testing.assert_array_equal(tape.gradient(total, x), [[0, 1, 1, 0]])

    def test_one_piece_changes_nothing(self):
        x = images(2, 5)
        np.testing.assert_array_equal(models.Maxout(1)(x), x)

    def test_comes_back_from_a_file(self):
        x = images(2, 6)
        model = keras.Sequential([keras.Input((6,)), models.Maxout(3)])
        path = support.folder(self) / "model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
        np.testing.assert_array_equal(loaded(x), model(x))

    @parameterized.parameters(0, 2.0)
    def test_rejects_pieces(self, pieces):
        with self.assertRaisesRegex(
            ValueError, rf"at least 1.*Received: pieces={pieces}"
        ):
            models.Maxout(pieces)

    def test_rejects_channels_that_cannot_be_shared_out(self):
        with self.assertRaisesRegex(
            ValueError, r"multiple of `pieces`.*pieces=2.*\(None, 5\)"
        ):
            models.Maxout(2)(keras.KerasTensor((None, 5)))


class CeilMaxPooling2DTest(parameterized.TestCase):
    @given(
        height=st.integers(1, 9),
        width=st.integers(1, 9),
        size=st.integers(1, 4),
        strides=st.integers(1, 4),
    )
    @settings(max_examples=30, deadline=None)
    def test_is_the_maximum_of_windows_up_to_the_end(
        self, height, width, size, strides
    ):
        strides = min(size, strides)
        x = images(2, height, width, 3)
        layer = models.CeilMaxPooling2D(size, strides)
        # A window more begins wherever the last one ends before the map does.
        expected = windows_maximum(x, size, strides)
        rows, columns = (
            next(n for n in range(1, 10) if (n - 1) * strides + size >= length)
            for length in (height, width)
        )
        actual = layer(x)
        np.testing.assert_array_equal(actual, expected[:, :rows, :columns])
        self.assertEqual(actual.shape, layer.compute_output_shape(x.shape))

    def test_is_that_of_keras_where_windows_end_with_the_map(self):
        x = images(2, 10, 12, 3)
        np.testing.assert_array_equal(
            models.CeilMaxPooling2D(4, 2)(x),
            keras.layers.MaxPooling2D(4, 2)(x),
        )

    def test_gradient_is_finite_and_counts_each_window_once(self):
        x = tf.Variable(images(1, 3, 3, 1))
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(models.CeilMaxPooling2D(2, 2)(x))
        # Four windows, three of which stick out.
        self.assertEqual(float(tf.reduce_sum(tape.gradient(total, x))), 4)

    def test_comes_back_from_its_config(self):
        layer = models.CeilMaxPooling2D(3, 2, name="pool")
        again = models.CeilMaxPooling2D.from_config(layer.get_config())
        self.assertEqual(again.get_config(), layer.get_config())

    def test_rejects_strides_that_leave_gaps(self):
        with self.assertRaisesRegex(
            ValueError, "`strides` must.*Received: strides=3, pool_size=2"
        ):
            models.CeilMaxPooling2D(2, 3)

    def test_rejects_images_of_unknown_size(self):
        with self.assertRaisesRegex(
            ValueError, r"known size.*Received.*\(None, None, 8, 3\)"
        ):
            models.CeilMaxPooling2D(2, 2)(keras.KerasTensor((None, None, 8, 3)))


if __name__ == "__main__":
    absltest.main()
