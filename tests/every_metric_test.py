import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import metrics
from tests import reference
from tests.replicas import two_replicas

RANDOM = np.random.default_rng(0)
TEACHER = RANDOM.normal(size=(60, 7), scale=2).astype("float32")
STUDENT = TEACHER + RANDOM.normal(size=(60, 7)).astype("float32")
WEIGHTS = RANDOM.integers(0, 3, size=60).astype("float32")
LABELS = RANDOM.integers(0, 7, size=60)
PROBABILITIES = reference.softmax(STUDENT).astype("float32")

# What is given to `update_state`, for each metric.
CASES = (
    ("agreement", metrics.TeacherAgreement, {"k": 2}, (TEACHER, STUDENT)),
    (
        "divergence",
        metrics.TeacherDivergence,
        {"temperature": 2.0},
        (TEACHER, STUDENT),
    ),
    (
        "agreement_of_labels",
        metrics.TeacherAgreement,
        {"multi_label": True},
        (TEACHER, STUDENT),
    ),
    (
        "divergence_of_labels",
        metrics.TeacherDivergence,
        {"multi_label": True},
        (TEACHER, STUDENT),
    ),
    (
        "mean_iou",
        metrics.TeacherMeanIoU,
        {"num_classes": 7},
        (TEACHER, STUDENT),
    ),
    (
        "calibration",
        metrics.ExpectedCalibrationError,
        {"num_bins": 5},
        (LABELS, PROBABILITIES),
    ),
)


def value(metric):
    return float(metric.result())


def measured(metric, *arguments, **options):
    metric.update_state(*arguments, **options)
    return value(metric)


class EveryMetricTest(parameterized.TestCase):
    @parameterized.named_parameters(*CASES)
    def test_batches_add_up_to_the_whole(self, cls, config, arguments):
        parts = cls(**config)
        for rows in np.split(np.arange(60), [7, 30]):
            parts.update_state(*(a[rows] for a in arguments))
        np.testing.assert_allclose(
            value(parts), measured(cls(**config), *arguments), rtol=1e-6
        )

    @parameterized.named_parameters(*CASES)
    def test_integer_weights_repeat_examples(self, cls, config, arguments):
        weighted = measured(cls(**config), *arguments, sample_weight=WEIGHTS)
        rows = np.repeat(np.arange(60), WEIGHTS.astype(int))
        repeated = measured(cls(**config), *(a[rows] for a in arguments))
        self.assertNotAlmostEqual(
            weighted, measured(cls(**config), *arguments), places=3
        )
        np.testing.assert_allclose(weighted, repeated, rtol=1e-5)

    @parameterized.named_parameters(*CASES)
    def test_is_zero_before_any_example_and_after_a_reset(
        self, cls, config, arguments
    ):
        metric = cls(**config)
        self.assertEqual(value(metric), 0.0)
        self.assertNotEqual(measured(metric, *arguments), 0.0)
        metric.reset_state()
        self.assertEqual(value(metric), 0.0)

    @parameterized.named_parameters(*CASES)
    def test_nan_without_weight_does_not_count(self, cls, config, arguments):
        first, scores = (a.copy() for a in arguments)
        scores[:10] = np.nan
        weights = np.repeat([0.0, 1.0], [10, 50])
        np.testing.assert_allclose(
            measured(cls(**config), first, scores, sample_weight=weights),
            measured(cls(**config), first[10:], scores[10:]),
            rtol=1e-6,
        )

    @parameterized.named_parameters(*CASES)
    def test_masked_positions_do_not_count(self, cls, config, arguments):
        first, scores = (a.reshape(12, 5, *a.shape[1:]) for a in arguments)
        counted = RANDOM.integers(0, 2, size=(12, 5)).astype("float32")
        # A position that is masked holds -1 in the first of its numbers.
        marked = np.where(counted[..., np.newaxis], scores, -1)
        masked = keras.layers.Masking(-1.0)(marked)
        np.testing.assert_allclose(
            measured(cls(**config), first, masked),
            measured(cls(**config), first, scores, sample_weight=counted),
            rtol=1e-6,
        )

    @parameterized.named_parameters(*CASES)
    def test_weights_of_examples_count_for_all_positions(
        self, cls, config, arguments
    ):
        sequences = [a.reshape(12, 5, *a.shape[1:]) for a in arguments]
        np.testing.assert_allclose(
            measured(cls(**config), *sequences, sample_weight=WEIGHTS[:12]),
            measured(
                cls(**config), *arguments, sample_weight=WEIGHTS[:12].repeat(5)
            ),
            rtol=1e-6,
        )

    @parameterized.named_parameters(*CASES)
    def test_state_is_float32_under_half_precision(
        self, cls, config, arguments
    ):
        before = keras.config.dtype_policy()
        self.addCleanup(keras.config.set_dtype_policy, before)
        keras.config.set_dtype_policy("mixed_float16")
        first, scores = arguments
        half = tf.cast(scores, "float16")
        metric = cls(**config)
        actual = measured(metric, first, half)
        self.assertEqual({v.dtype for v in metric.variables}, {"float32"})
        rounded = half.numpy().astype("float32")
        self.assertEqual(actual, measured(cls(**config), first, rounded))

    @parameterized.named_parameters(*CASES)
    def test_is_traced_once_for_all_batch_sizes(self, cls, config, arguments):
        metric = cls(**config)
        signature = [
            tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in arguments
        ]
        update = tf.function(metric.update_state, input_signature=signature)
        for rows in (slice(0, 7), slice(7, 60)):
            update(*(a[rows] for a in arguments))
        np.testing.assert_allclose(
            value(metric), measured(cls(**config), *arguments), rtol=1e-6
        )

    @parameterized.named_parameters(*CASES)
    def test_two_replicas_give_the_number_of_one(self, cls, config, arguments):
        strategy = two_replicas()
        with strategy.scope():
            metric = cls(**config)

        @tf.function
        def update(*data):
            strategy.run(
                lambda first, scores, weights: metric.update_state(
                    first, scores, sample_weight=weights
                ),
                data,
            )

        # Unequal parts, as at the end of an epoch.
        parts = (slice(0, 41), slice(41, 60))
        update(
            *(
                strategy.experimental_distribute_values_from_function(
                    lambda context, a=a: tf.constant(
                        a[parts[context.replica_id_in_sync_group]]
                    )
                )
                for a in (*arguments, WEIGHTS)
            )
        )
        np.testing.assert_allclose(
            value(metric),
            measured(cls(**config), *arguments, sample_weight=WEIGHTS),
            rtol=1e-6,
        )

    @parameterized.named_parameters(*CASES)
    def test_is_saved_with_its_arguments(self, cls, config, arguments):
        metric = cls(**config, name="mine")
        again = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(metric)
        )
        self.assertIsInstance(again, cls)
        self.assertEqual(again.name, "mine")
        self.assertEqual(
            measured(again, *arguments), measured(metric, *arguments)
        )


if __name__ == "__main__":
    absltest.main()
