import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import metrics
from tests import reference

RANDOM = np.random.default_rng(0)
STUDENT = RANDOM.normal(size=(60, 7), scale=2).astype("float32")
LABELS = RANDOM.integers(0, 7, size=60)
PROBABILITIES = reference.softmax(STUDENT).astype("float32")


def measured(metric, *arguments, **options):
    metric.update_state(*arguments, **options)
    return float(metric.result())


class ExpectedCalibrationErrorTest(parameterized.TestCase):
    def test_what_does_not_count_may_be_anything(self):
        metric = metrics.ExpectedCalibrationError()
        scores = [[3.0, 1.0], [0.75, 0.25]]
        self.assertEqual(measured(metric, [0, 0], scores, [0, 2]), 0.25)

    @parameterized.parameters(1, 10, 15)
    def test_equals_the_reference(self, num_bins):
        metric = metrics.ExpectedCalibrationError(num_bins)
        np.testing.assert_allclose(
            measured(metric, LABELS, PROBABILITIES),
            reference.expected_calibration_error(
                LABELS, PROBABILITIES, num_bins
            ),
            rtol=1e-5,
        )

    @parameterized.parameters("float32", "float64")
    def test_confidences_at_the_edges_fall_where_the_reference_puts_them(
        self, dtype
    ):
        # Next to, at and beyond each edge, one example at a time.
        edges = (np.arange(8, 16) / 15).astype(dtype)
        one = edges.dtype.type(1)
        near = np.stack(
            [np.nextafter(edges, 0 * one), edges, np.nextafter(edges, one)]
        )
        for confidence in near.ravel():
            scores = np.array([[confidence, one - confidence]])
            metric = metrics.ExpectedCalibrationError()
            metric.update_state([0], scores)
            place = int(np.argmax(metric.sums.numpy()[:, 0]))
            exact = np.arange(16) / 15
            expected = np.searchsorted(exact, np.float64(confidence)) - 1
            self.assertEqual(place, expected, confidence)

    def test_by_hand(self):
        # Two bins. Lower: confidences .4 and .4, both wrong, gap .8. Upper:
        # .6 right, .9 wrong, gap |1 - 1.5| = .5. Together 1.3 / 4.
        scores = [
            [0.4, 0.3, 0.3],
            [0.4, 0.3, 0.3],
            [0.6, 0.4, 0],
            [0.9, 0.1, 0],
        ]
        np.testing.assert_allclose(
            measured(metrics.ExpectedCalibrationError(2), [1, 1, 0, 1], scores),
            1.3 / 4,
            rtol=1e-6,
        )

    def test_logits_give_what_their_probabilities_give(self):
        np.testing.assert_allclose(
            measured(
                metrics.ExpectedCalibrationError(from_logits=True),
                LABELS,
                STUDENT,
            ),
            reference.expected_calibration_error(
                LABELS, reference.softmax(STUDENT)
            ),
            rtol=1e-5,
        )

    @parameterized.named_parameters(
        ("one_hot", np.eye(7)[LABELS]),
        ("column", LABELS[:, np.newaxis]),
        ("float", LABELS.astype("float32")),
    )
    def test_takes_labels(self, labels):
        self.assertEqual(
            measured(metrics.ExpectedCalibrationError(), labels, PROBABILITIES),
            measured(metrics.ExpectedCalibrationError(), LABELS, PROBABILITIES),
        )

    @parameterized.parameters(False, True)
    def test_one_unit_scores_the_second_of_two_classes(self, from_logits):
        logits = STUDENT[:, :1]
        yes = reference.sigmoid(logits)
        scores = logits if from_logits else yes.astype("float32")
        np.testing.assert_allclose(
            measured(
                metrics.ExpectedCalibrationError(from_logits=from_logits),
                LABELS[:, np.newaxis] % 2,
                scores,
            ),
            reference.expected_calibration_error(
                LABELS % 2, np.concatenate([1 - yes, yes], axis=-1)
            ),
            rtol=1e-5,
        )

    def test_works_in_compile(self):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((7,)), keras.layers.Softmax()])
        model.compile(
            loss="sparse_categorical_crossentropy",
            metrics=[metrics.ExpectedCalibrationError()],
        )
        logs = model.evaluate(STUDENT, LABELS, return_dict=True, verbose=0)
        np.testing.assert_allclose(
            logs["expected_calibration_error"],
            reference.expected_calibration_error(LABELS, PROBABILITIES),
            rtol=1e-5,
        )

    @parameterized.parameters(1, 7)
    def test_refuses_logits_as_probabilities(self, units):
        metric = metrics.ExpectedCalibrationError()
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError,
            r"must be probabilities.*Error\(from_logits=True\)",
        ):
            metric.update_state(LABELS % units, STUDENT[:, :units])

    def test_refuses_logits_in_compile(self):
        model = keras.Sequential([keras.Input((7,)), keras.layers.Identity()])
        for from_logits in (False, True):
            model.compile(
                "sgd",
                lambda labels, scores: keras.ops.mean(scores, axis=-1),
                metrics=[
                    metrics.ExpectedCalibrationError(from_logits=from_logits)
                ],
                jit_compile=False,
            )
            if from_logits:
                # As the message says.
                model.evaluate(STUDENT, LABELS, verbose=0)
                continue
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError, "must be probabilities"
            ):
                model.evaluate(STUDENT, LABELS, verbose=0)

    def test_a_model_that_diverged_is_no_error(self):
        self.assertTrue(
            np.isnan(
                measured(
                    metrics.ExpectedCalibrationError(),
                    LABELS,
                    np.full_like(PROBABILITIES, np.nan),
                )
            )
        )

    @parameterized.parameters(0, -5, 1.5, True)
    def test_refuses_num_bins(self, num_bins):
        with self.assertRaisesRegex(
            ValueError, rf"at least 1.*num_bins={num_bins!r}"
        ):
            metrics.ExpectedCalibrationError(num_bins)

    def test_refuses_labels_of_another_shape(self):
        with self.assertRaisesRegex(
            ValueError, r"each row.*shape \(60, 3\).*shape \(60, 7\)"
        ):
            metrics.ExpectedCalibrationError().update_state(
                np.zeros((60, 3)), PROBABILITIES
            )


if __name__ == "__main__":
    absltest.main()
