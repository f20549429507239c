import keras
import numpy as np
from absl.testing import absltest

from keras_kd.transfer_sets._activations.maker import FixedDropout
from tests import support
from tests.transfer_sets import small_teachers


class FixedDropoutTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.teacher = small_teachers.net(6, 50, 40, 3)
        self.dropout = FixedDropout(self.teacher, 0.25)
        self.masks = self.dropout.draw(np.random.default_rng(0))

    def test_leaves_out_hidden_units_and_scales_the_others(self):
        self.assertEqual([m.shape for m in self.masks], [(1, 50), (1, 40)])
        for mask in self.masks:
            self.assertEqual(set(np.unique(mask)), {0, np.float32(4 / 3)})

    def test_leaves_out_the_part_that_was_asked_for(self):
        draws = [
            self.dropout.draw(np.random.default_rng(seed))[0]
            for seed in range(100)
        ]
        # Five standard deviations of a mean of 5000, each 0.25 * 0.75.
        self.assertAlmostEqual(
            np.mean(np.array(draws) == 0),
            0.25,
            delta=5 * np.sqrt(0.1875 / 5000),
        )

    def test_is_applied_to_what_the_layers_give(self):
        x, _ = small_teachers.clusters(4)
        signal = x.astype("float64")
        for layer, mask in zip(
            self.teacher.layers, [*self.masks, 1], strict=True
        ):
            kernel, bias = support.values(layer.weights)
            signal = signal @ kernel + bias
            if layer is not self.teacher.layers[-1]:
                signal = np.maximum(signal, 0) * mask

        with self.dropout.applied(self.masks):
            found = self.teacher(x)

        np.testing.assert_allclose(found, signal, rtol=1e-4, atol=1e-4)

    def test_is_over_after_the_block(self):
        x, _ = small_teachers.clusters(4)
        before = keras.ops.convert_to_numpy(self.teacher(x))
        with self.dropout.applied(self.masks):
            inside = self.teacher(x)
        self.assertGreater(np.abs(inside - before).max(), 0.01)
        np.testing.assert_array_equal(self.teacher(x), before)

    def test_none_is_no_mask(self):
        dropout = FixedDropout(self.teacher, 0.0)
        self.assertEqual(dropout.draw(np.random.default_rng(0)), [])


if __name__ == "__main__":
    absltest.main()
