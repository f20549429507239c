import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.losses.cross_entropy import cross_entropy
from tests import reference

LOGITS = np.array([[2.0, 1.0, -1.0], [0.5, 0.5, 300.0], [1.0, 2.0, 3.0]])
LABELS = np.array([0, 1, 2])


class CrossEntropyTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("numbers", LABELS),
        ("column", LABELS[:, None]),
        ("numbers_as_reals", LABELS.astype("float32")),
        ("one_hot", np.eye(3)[LABELS]),
    )
    def test_equals_the_reference(self, labels):
        expected = -reference.log_softmax(LOGITS)[range(3), LABELS]
        np.testing.assert_allclose(
            cross_entropy(labels, LOGITS), expected, rtol=1e-6
        )

    def test_takes_probabilities(self):
        soft = np.array([[0.2, 0.3, 0.5]] * 3)
        expected = -np.sum(soft * reference.log_softmax(LOGITS), axis=-1)
        np.testing.assert_allclose(
            cross_entropy(soft, LOGITS), expected, rtol=1e-6
        )

    @parameterized.named_parameters(
        ("numbers", np.array([0, 1])), ("column", np.array([[0], [1]]))
    )
    def test_one_unit_is_a_sigmoid(self, labels):
        # -log(1 - sigmoid(2)) and -log sigmoid(-1).
        np.testing.assert_allclose(
            cross_entropy(labels, np.array([[2.0], [-1.0]])),
            [np.log1p(np.exp(2.0)), np.log1p(np.exp(1.0))],
            rtol=1e-6,
        )

    def test_a_sequence_has_a_value_per_step(self):
        logits = np.stack([LOGITS, -LOGITS])
        labels = np.stack([LABELS, LABELS])
        expected = -np.take_along_axis(
            reference.log_softmax(logits), labels[..., None], axis=-1
        )
        np.testing.assert_allclose(
            cross_entropy(labels, logits), expected[..., 0], rtol=1e-6
        )

    @parameterized.named_parameters(
        ("softmax", LOGITS[:2]), ("sigmoid", LOGITS[:2, :1])
    )
    def test_a_number_of_no_class_counts_nothing(self, logits):
        np.testing.assert_array_equal(
            cross_entropy(np.array([-1, 255]), logits), 0
        )

    def test_half_precision_is_computed_in_float32(self):
        logits = keras.ops.cast(LOGITS, "bfloat16")
        value = cross_entropy(LABELS, logits)
        self.assertEqual(value.dtype, "float32")
        exact = keras.ops.convert_to_numpy(keras.ops.cast(logits, "float64"))
        expected = -reference.log_softmax(exact)[range(3), LABELS]
        np.testing.assert_allclose(value, expected, rtol=1e-6)

    @parameterized.parameters((3, 4), (3, 3, 1))
    def test_rejects_labels_of_another_shape(self, *shape):
        with self.assertRaisesRegex(
            ValueError, r"`labels` must be class numbers.*Received: labels of"
        ):
            cross_entropy(np.zeros(shape), LOGITS)


if __name__ == "__main__":
    absltest.main()
