"""Keras's metrics leave out labels that do not count."""

import warnings

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd._core import reduction
from keras_kd._training import compiled_metrics
from tests import support

K = keras.metrics
LABELLED = np.arange(16) % 3 != 0


def net(outputs, shape=(4,)):
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(outputs)])


def evaluated(student, loss, metrics, x, y, **kwargs):
    distiller = keras_kd.Distiller(
        teacher=net(student.output_shape[-1], student.input_shape[1:]),
        student=student,
        distillation_losses=keras_kd.losses.Match(loss="mse"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distiller.compile("sgd", loss, metrics=metrics)
    logs = distiller.evaluate(x, y, verbose=0, return_dict=True, **kwargs)
    return [logs[metric.name] for metric in metrics]


@support.eager_tests
class LabelMetricTest(parameterized.TestCase):
    """A metric of half of the labels is that of half of the examples."""

    def check(self, outputs, loss, make, y, unknown, shape=(4,)):
        x = np.random.default_rng(0).normal(size=(16, *shape))
        student = net(outputs, shape)
        given = y.copy()
        given[~LABELLED] = unknown
        actual = evaluated(student, loss, make(), x, given)
        expected = evaluated(student, loss, make(), x[LABELLED], y[LABELLED])
        for metric, *values in zip(make(), actual, expected, strict=True):
            np.testing.assert_allclose(
                *values, rtol=1e-5, err_msg=type(metric).__name__
            )

    def test_of_classes(self):
        y = np.random.default_rng(1).integers(0, 3, 16)
        self.check(
            3,
            support.cross_entropy(ignore_class=-1),
            lambda: [
                K.SparseCategoricalAccuracy(),
                K.SparseTopKCategoricalAccuracy(k=2),
                K.SparseCategoricalCrossentropy(from_logits=True),
                K.MeanIoU(3, sparse_y_pred=False),
                keras_kd.metrics.ExpectedCalibrationError(from_logits=True),
            ],
            y,
            -1,
        )

    def test_of_one_hot_classes(self):
        y = np.eye(3, dtype="float32")[
            np.random.default_rng(1).integers(0, 3, 16)
        ]
        self.check(
            3,
            keras.losses.CategoricalCrossentropy(from_logits=True),
            lambda: [
                K.CategoricalAccuracy(),
                K.CategoricalCrossentropy(),
                K.KLDivergence(),
                K.F1Score(average="macro"),
                K.OneHotMeanIoU(3, sparse_y_pred=False),
            ],
            y,
            np.nan,
        )

    @parameterized.parameters(1, 2)
    def test_of_labels(self, outputs):
        y = np.random.default_rng(1).integers(0, 2, (16, outputs))
        self.check(
            outputs,
            keras.losses.BinaryCrossentropy(from_logits=True),
            lambda: [
                K.BinaryAccuracy(),
                K.AUC(name="auc"),
                K.Precision(),
                K.Recall(),
                K.FalsePositives(),
                K.PrecisionAtRecall(0.5),
                K.BinaryIoU(target_class_ids=[1]),
                K.BinaryCrossentropy(),
            ],
            y.astype("float32"),
            np.nan,
        )

    @parameterized.parameters(1, 2)
    def test_of_numbers(self, outputs):
        y = np.random.default_rng(1).normal(size=(16, outputs))
        self.check(
            outputs,
            "mse",
            lambda: [
                K.MeanAbsoluteError(),
                K.RootMeanSquaredError(),
                K.R2Score(),
                K.CosineSimilarity(),
            ],
            y.astype("float32"),
            np.nan,
        )

    @pytest.mark.slow
    def test_of_positions(self):
        y = np.random.default_rng(1).integers(0, 3, (16, 5))
        self.check(
            3,
            support.cross_entropy(ignore_class=9),
            lambda: [
                K.SparseCategoricalAccuracy(),
                K.MeanIoU(3, sparse_y_pred=False),
                K.SparseCategoricalCrossentropy(from_logits=True),
            ],
            y,
            9,
            shape=(5, 4),
        )


def masked_accuracy(y_true, y_pred):
    """The way of many a tutorial: a scalar over what is not -1."""
    y_true = keras.ops.cast(y_true, "int32")
    choice = keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), "int32")
    counts = keras.ops.cast(y_true != -1, "float32")
    right = keras.ops.cast(y_true == choice, "float32")
    return keras.ops.sum(right * counts) / keras.ops.sum(counts)


class OwnMetricTest(absltest.TestCase):
    def test_a_function_that_knows_what_to_ignore(self):
        x = np.random.default_rng(0).normal(size=(16, 4))
        y = np.random.default_rng(1).integers(0, 3, 16)
        student = net(3)
        given = np.where(LABELLED, y, -1)
        metric = K.MeanMetricWrapper(masked_accuracy, name="masked")
        found = evaluated(
            student,
            support.cross_entropy(ignore_class=-1),
            [metric],
            x,
            given,
        )
        choice = student.predict(x, verbose=0).argmax(-1)
        expected = (choice == y)[LABELLED].mean()
        np.testing.assert_allclose(found[0], expected, rtol=1e-6)


class WholeNumbersTest(absltest.TestCase):
    """`MeanIoU` counts in whole numbers, unless it is told otherwise."""

    def updated(self, **options):
        overlap = K.MeanIoU(2, sparse_y_pred=False, **options)
        metric = compiled_metrics.LabelMetric(overlap)
        scores = np.eye(2, dtype="float32")[[[0, 1, 1, 0]]]
        masked = reduction.with_mask(
            keras.ops.convert_to_tensor(scores),
            keras.ops.convert_to_tensor([[True, True, True, False]]),
        )
        weights = keras.ops.convert_to_tensor([[0.5, 0.5, 0.25, 0.5]])
        labels = keras.ops.convert_to_tensor([[0, 1, 0, 1]])
        metric.update_state(labels, masked, sample_weight=weights)
        return float(metric.result())

    def test_fractions_of_weights_are_not_lost_silently(self):
        with self.assertWarnsRegex(UserWarning, "incorrect weight"):
            self.updated()

    def test_fractions_count_in_floats(self):
        # Of each class .5 is right, and .25 is the one or the other.
        self.assertAlmostEqual(
            self.updated(dtype="float32"), 0.5 / 0.75, places=6
        )


support.mark_slow(LabelMetricTest, "test_of_labels", but=["0"])
support.mark_slow(LabelMetricTest, "test_of_numbers", but=["0"])


if __name__ == "__main__":
    absltest.main()
