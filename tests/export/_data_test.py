import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.export import _data

X = np.arange(20, dtype="float32").reshape(5, 4)
LABELS = np.array([0, 1, 2, 0, 1])


class Batches(keras.utils.PyDataset):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(2 * index, 2 * index + 2)
        return tuple(part[rows] for part in self.parts)


def dataset(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(2)


def loader():
    """Batches as lists of tensors, like those of PyTorch's `DataLoader`."""
    return ([tf.constant(x), tf.constant(y)] for x, y in dataset(X, LABELS))


class ReadTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("tf_data", lambda: dataset(X, LABELS)),
        ("py_dataset", lambda: Batches((X, LABELS))),
        ("loader", loader),
    )
    def test_joins_batches(self, make):
        x, labels = _data.read("test", make(), is_labelled=True)
        np.testing.assert_array_equal(x, X)
        np.testing.assert_array_equal(labels, LABELS)
        np.testing.assert_array_equal(_data.read("calibration", make()), X)

    def test_without_labels_there_are_inputs_alone(self):
        data = tf.data.Dataset.from_tensor_slices(X).batch(2)
        for is_labelled in (False, True):
            found = _data.read("test", data, is_labelled)
            np.testing.assert_array_equal(found, X)

    def test_keeps_dicts_and_makes_lists_of_tuples(self):
        named = _data.read("x", dataset({"a": X, "b": LABELS}, LABELS))
        self.assertEqual(named.keys(), {"a", "b"})
        np.testing.assert_array_equal(named["b"], LABELS)
        listed = _data.read("x", dataset((X, LABELS), LABELS), True)[0]
        self.assertIsInstance(listed, list)
        np.testing.assert_array_equal(listed[0], X)

    @parameterized.parameters(((X, LABELS),), ([X],), (X,), ({"a": X},), (3,))
    def test_leaves_other_data_as_they_are(self, data):
        self.assertIs(_data.read("test", data, is_labelled=True), data)

    @parameterized.named_parameters(
        ("no_end", dataset(X).repeat(), "end.*dataset.take"),
        ("no_batch", dataset(X).take(0), "at least one example"),
        ("no_rows", tf.data.Dataset.range(3), "dataset.batch"),
        (
            "lengths",
            [{"t": X}, {"t": X[:, :3]}].__iter__(),
            r"\(5, 4\) and .*\(5, 3\).*pad those",
        ),
    )
    def test_refuses(self, data, says):
        with self.assertRaisesRegex(ValueError, f"`test` must.*{says}"):
            _data.read("test", data)


if __name__ == "__main__":
    absltest.main()
