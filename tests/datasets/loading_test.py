import numpy as np
from absl.testing import absltest

from keras_kd import datasets


class DigitsTest(absltest.TestCase):
    def test_all_are_in_one_of_the_parts(self):
        from sklearn.datasets import load_digits

        data = datasets.load("digits")
        both = np.concatenate([data.train_images, data.test_images])
        self.assertEqual(data.image_shape, (8, 8, 1))
        self.assertEqual(both.dtype, np.float32)
        np.testing.assert_array_equal(
            np.sort(both.reshape(1797, 64) * 16, axis=0),
            np.sort(load_digits().data, axis=0),
        )

    def test_a_third_of_each_class_is_for_testing(self):
        data = datasets.digits()
        train, test = map(np.bincount, (data.train_labels, data.test_labels))
        np.testing.assert_array_equal(test, (train + test) // 3)

    def test_images_have_their_labels(self):
        # Ones have ink in the middle of the first row's columns, zeros have a
        # hole in the centre.
        data = datasets.digits()
        centre = data.train_images[:, 3:5, 3:5].mean(axis=(1, 2, 3))
        of_zeros, of_ones = (
            centre[data.train_labels == digit].mean() for digit in (0, 1)
        )
        self.assertLess(of_zeros, 0.2)
        self.assertGreater(of_ones, 0.6)

    def test_a_limit_leaves_out_of_each_class_alike(self):
        data = datasets.load("digits", limit=300)
        train, test = map(np.bincount, (data.train_labels, data.test_labels))
        self.assertEqual(train.sum() + test.sum(), 300)
        every = datasets.digits()
        for found, labels in (
            (train, every.train_labels),
            (test, every.test_labels),
        ):
            part = np.bincount(labels) * 300 / 1797
            np.testing.assert_allclose(found, part, atol=2)
        # The first of a class stays the first.
        zeros = [x.train_images[x.train_labels == 0] for x in (data, every)]
        np.testing.assert_array_equal(zeros[0], zeros[1][: len(zeros[0])])


class LoadTest(absltest.TestCase):
    def test_refuses_arguments_of_another_kind(self):
        with self.assertRaisesRegex(
            ValueError, "left out.*digits.*Received: test_fraction=0.5"
        ):
            datasets.load("digits", test_fraction=0.5)

    def test_refuses_what_is_no_name(self):
        for source in (3, None, ""):
            message = f"name or a path.*name_or_folder={source!r}"
            with self.assertRaisesRegex(TypeError, message):
                datasets.load(source)


if __name__ == "__main__":
    absltest.main()
