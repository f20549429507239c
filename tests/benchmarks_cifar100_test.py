"""`benchmarks/cifar100_methods.py`: its networks and its moved images."""

import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from benchmarks import cifar100_methods as methods


class ResidualNetworkTest(parameterized.TestCase):
    @parameterized.parameters((20, 0.27), (56, 0.85))
    def test_has_the_published_number_of_parameters(self, depth, millions):
        """Of He et al. 2016, table 6, in millions, for CIFAR-10."""
        model = methods.residual_network((32, 32, 3), 10, depth)
        self.assertAlmostEqual(model.count_params() / 1e6, millions, 1)
        self.assertLen(
            [w for w in model.weights if "kernel" in w.name], depth + 2
        )


class BatchesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        count = 2 * methods.BATCH_SIZE
        # Each image has a number of its own in all its places.
        self.labels = np.arange(count)
        numbers = np.full((count, 8, 8, 1), 1, "uint8")
        self.images = numbers * self.labels[:, None, None, None]
        self.images = self.images.astype("uint8")

    def test_each_image_comes_once_an_epoch_with_its_label(self):
        examples = methods.batches(self.images, self.labels, seed=0)
        x, y = (
            np.concatenate(part)
            for part in zip(*map(examples.__getitem__, range(2)), strict=True)
        )
        self.assertLen(examples, 2)
        np.testing.assert_array_equal(np.sort(y), self.labels)
        # A margin of 1 place is black, all others have the image's number.
        np.testing.assert_allclose(x.max((1, 2, 3)) * 255, y, atol=1e-3)
        self.assertGreaterEqual((x > 0).mean((1, 2, 3))[y > 0].min(), 49 / 64)

    def test_images_are_moved_and_mirrored(self):
        """A lit corner may end in four corners, or nearby, or outside."""
        corner = np.zeros((4 * methods.BATCH_SIZE, 8, 8, 1), "uint8")
        corner[:, 0, 0] = 255
        examples = methods.batches(corner, np.zeros(len(corner)), seed=0)
        x = np.concatenate([examples[index][0] for index in range(4)])
        rows, columns = np.nonzero(x[..., 0])[1:]
        places = set(zip(rows.tolist(), columns.tolist(), strict=True))
        self.assertEqual(
            places, {(row, column) for row in (0, 1) for column in (0, 1, 6, 7)}
        )

    def test_epochs_and_seeds_differ_and_come_again(self):
        first, again, other = (
            methods.batches(self.images, self.labels, seed)
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first[0][1], again[0][1])
        self.assertFalse(np.array_equal(first[0][1], other[0][1]))
        again.on_epoch_end()
        self.assertFalse(np.array_equal(first[0][1], again[0][1]))


if __name__ == "__main__":
    absltest.main()
