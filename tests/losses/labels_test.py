import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.losses.labels import class_of

LOGITS = np.zeros((4, 3), "float32")
NUMBERS = np.array([2, 0, 1, 1])


def read(labels, logits=LOGITS, tap=None):
    """The two results as lists; the index `None` where there is no class."""
    index, is_class = (
        keras.ops.convert_to_numpy(x) for x in class_of(labels, logits, tap)
    )
    return np.where(is_class, index, None).tolist()


class ClassOfTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("numbers", NUMBERS),
        ("column", NUMBERS[:, None]),
        ("reals", NUMBERS.astype("float32")),
        ("bytes", NUMBERS.astype("uint8")),
        ("one_hot", np.eye(3, dtype="float32")[NUMBERS]),
        ("one_hot_integers", np.eye(3, dtype="int32")[NUMBERS]),
        ("one_hot_booleans", np.eye(3, dtype=bool)[NUMBERS]),
        ("smoothed", 0.7 * np.eye(3)[NUMBERS] + 0.1),
        ("mixed", 0.6 * np.eye(3)[NUMBERS] + 0.4 * np.eye(3)[NUMBERS[::-1]]),
        ("of_one_output", {"head": NUMBERS}),
        ("in_a_list", [NUMBERS]),
    )
    def test_reads_every_form(self, labels):
        self.assertEqual(read(labels), [2, 0, 1, 1])

    @parameterized.named_parameters(
        ("numbers", np.array([2, -1, 3, 255])),
        ("reals", np.array([2, np.nan, -1.0, 3.0])),
        ("bytes", np.array([2, 255, 3, 100], "uint8")),
        ("rows", np.array([[0, 0, 1.0], [0, 0, 0], [-1] * 3, [np.nan, 1, 0]])),
    )
    def test_tells_what_is_no_class(self, labels):
        self.assertEqual(read(labels), [2, None, None, None])
        index, _ = class_of(labels, LOGITS)
        np.testing.assert_array_equal(index, [2, 0, 0, 0])

    def test_an_even_mixture_is_of_the_first_of_its_classes(self):
        self.assertEqual(read(np.array([[0.0, 0.5, 0.5]]), LOGITS[:1]), [1])

    @parameterized.parameters(((2, 4),), ((2, 4, 1),))
    def test_a_sequence_has_a_class_per_step(self, shape):
        labels = np.arange(8).reshape(shape) % 3
        logits = np.zeros((2, 4, 3))
        self.assertEqual(read(labels, logits), labels.reshape((2, 4)).tolist())

    def test_an_output_of_several_is_found_by_its_name(self):
        labels = {"a": NUMBERS, "b": 2 - NUMBERS}
        self.assertEqual(read(labels, tap="b"), [0, 2, 1, 1])

    @parameterized.parameters("hidden", None)
    def test_rejects_labels_of_several_outputs_for_a_tap_of_none(self, tap):
        for labels in ({"a": NUMBERS, "b": NUMBERS}, [NUMBERS, NUMBERS]):
            with self.assertRaisesRegex(
                ValueError,
                f"`student_tap` must name an output.*student_tap={tap!r}",
            ):
                class_of(labels, LOGITS, tap)

    @parameterized.parameters((4, 2), (4, 3, 1))
    def test_rejects_labels_of_another_shape(self, *shape):
        with self.assertRaisesRegex(
            ValueError, r"`labels` must be class numbers.*Received: labels of"
        ):
            class_of(np.zeros(shape), LOGITS)


if __name__ == "__main__":
    absltest.main()
