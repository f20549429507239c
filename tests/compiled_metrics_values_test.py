"""Values of metrics of probabilities, where a student has logits."""

import functools

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import losses
from tests import compiled_metrics_reference as reference
from tests import replicas
from tests import support
from tests.logits_students import ALL
from tests.logits_students import data
from tests.logits_students import distiller
from tests.logits_students import evaluated
from tests.logits_students import probabilities_of
from tests.logits_students import supervised

K = keras.metrics

# The metric, and its value of float64 labels, probabilities and weights.
EVERY_KIND = (
    ("auc", lambda: K.AUC(), reference.auc),
    ("auc_string", lambda: "AUC", reference.auc),
    ("precision", lambda: K.Precision(), reference.precision),
    ("recall", lambda: K.Recall(), reference.recall),
    ("positives", lambda: K.TruePositives(), reference.true_positives),
    (
        "thresholds",
        lambda: K.Recall(thresholds=0.6),
        functools.partial(reference.recall, threshold=0.6),
    ),
    ("binary_accuracy", lambda: K.BinaryAccuracy(), reference.accuracy),
    ("binary_string", lambda: "binary_accuracy", reference.accuracy),
    ("binary_function", lambda: K.binary_accuracy, reference.accuracy),
    (
        "f1",
        lambda: K.F1Score(average="micro", threshold=0.5),
        reference.f1,
    ),
    ("iou", lambda: K.BinaryIoU([1]), reference.iou),
    ("poisson", lambda: K.Poisson(), reference.poisson),
    (
        "binary_crossentropy",
        lambda: K.BinaryCrossentropy(),
        reference.binary_cross_entropy,
    ),
    (
        "loss_as_metric",
        lambda: keras.losses.binary_crossentropy,
        reference.binary_cross_entropy,
    ),
    (
        "specificity",
        lambda: K.SensitivityAtSpecificity(0.6),
        reference.sensitivity_at_specificity,
    ),
)
OF_CLASSES = (
    ("kl", lambda: K.KLDivergence(), reference.kl_divergence),
    (
        "crossentropy",
        lambda: K.CategoricalCrossentropy(),
        reference.cross_entropy,
    ),
    (
        "crossentropy_string",
        lambda: "categorical_crossentropy",
        reference.cross_entropy,
    ),
    ("accuracy", lambda: "accuracy", reference.top_accuracy),
    (
        "highest",
        lambda: K.F1Score(average="micro"),
        reference.f1_of_the_highest,
    ),
)
# What is right for logits already.
RIGHT = (
    ("accuracy", lambda: K.BinaryAccuracy(threshold=0), reference.accuracy),
    ("auc", lambda: K.AUC(from_logits=True), reference.auc),
    ("precision", lambda: K.Precision(thresholds=0), reference.precision),
    ("iou", lambda: K.BinaryIoU([1], threshold=0), reference.iou),
    (
        "crossentropy",
        lambda: K.BinaryCrossentropy(from_logits=True),
        reference.binary_cross_entropy,
    ),
)


def cases(*tables):
    return [
        (f"{name}_{kind}", kind, make, expected)
        for kinds, table in tables
        for kind in kinds
        for name, make, expected in table
    ]


# Weights and masks keep their graph, in which the values are read alike.
@support.eager_tests(but=("test_weights", "test_masked", "test_works_eagerly"))
class ValuesTest(parameterized.TestCase):
    @parameterized.named_parameters(
        *cases((ALL, EVERY_KIND), (("classes",), OF_CLASSES))
    )
    def test_equals_that_of_the_probabilities(self, kind, make, expected):
        made = distiller(kind)
        made.compile("sgd", supervised(kind), metrics=[make()])
        x, y = data(kind)
        before = {"loss", "student_loss", *made.loss_names}
        logs = evaluated(made, x, y)
        (key,) = set(logs) - before
        p = probabilities_of(made, kind, x)
        np.testing.assert_allclose(logs[key], expected(y, p), rtol=1e-4)

    @parameterized.named_parameters(*cases((("unit", "labels"), RIGHT)))
    def test_what_reads_logits_stays_right(self, kind, make, expected):
        made = distiller(kind)
        metric = make()
        made.compile("sgd", supervised(kind), metrics=[metric])
        x, y = data(kind)
        logs = evaluated(made, x, y)
        p = probabilities_of(made, kind, x)
        np.testing.assert_allclose(logs[metric.name], expected(y, p), 1e-4)

    @parameterized.parameters("accuracy", "acc", "Accuracy")
    def test_accuracy_of_one_unit_is_that_of_its_sign(self, name):
        made = distiller("unit")
        made.compile("sgd", supervised("unit"), metrics=[name])
        x, y = data("unit")
        p = probabilities_of(made, "unit", x)
        # Otherwise a threshold of .5 for logits would go unnoticed.
        logits = np.log(p / (1 - p))
        self.assertNotEqual(
            np.mean((logits > 0.5) == y), np.mean((p > 0.5) == y)
        )
        self.assertAlmostEqual(
            evaluated(made, x, y)[name], np.mean((p > 0.5) == y), places=6
        )

    @parameterized.parameters(*ALL)
    def test_weights_count(self, kind):
        made = distiller(kind)
        made.compile(
            "sgd",
            supervised(kind),
            metrics=[K.BinaryAccuracy(name="plain")],
            weighted_metrics=[K.BinaryAccuracy(name="weighted")],
        )
        x, y = data(kind)
        weights = np.random.default_rng(0).random(len(x)).astype("float32")
        logs = evaluated(made, x, y, sample_weight=weights)
        right = (probabilities_of(made, kind, x) > 0.5) == y
        rows = right.mean(axis=-1)
        self.assertAlmostEqual(logs["plain"], rows.mean(), places=5)
        expected = np.average(rows, weights=weights)
        self.assertAlmostEqual(logs["weighted"], expected, places=5)

    @parameterized.parameters((True, False), (False, True))
    def test_works_eagerly_and_under_xla(self, run_eagerly, jit_compile):
        made = distiller("unit")
        made.compile(
            "sgd",
            supervised("unit"),
            metrics=[K.AUC(name="auc"), "accuracy"],
            run_eagerly=run_eagerly,
            jit_compile=jit_compile,
        )
        x, y = data("unit")
        logs = evaluated(made, x, y)
        p = probabilities_of(made, "unit", x)
        self.assertAlmostEqual(logs["auc"], reference.auc(y, p), places=5)

    def test_masked_positions_of_sequences_do_not_count(self):
        def net():
            return keras.Sequential(
                [
                    keras.Input((5,), dtype="int32"),
                    keras.layers.Embedding(9, 4, mask_zero=True),
                    keras.layers.Dense(1),
                ]
            )

        keras.utils.set_random_seed(0)
        made = support.distiller(
            losses.BinarySoftTargets(), teacher=net(), student=net()
        )
        made.student.layers[-1].bias.assign([0.02])
        made.compile("sgd", supervised("unit"), metrics=[K.BinaryAccuracy()])
        rng = np.random.default_rng(0)
        x = rng.integers(0, 9, size=(32, 5))
        y = rng.integers(0, 2, size=(32, 5, 1)).astype("float32")
        right = ((np.asarray(made.student(x)) > 0) == y)[..., 0]
        unmasked = right.mean()
        value = evaluated(made, x, y)["binary_accuracy"]
        plain = K.BinaryAccuracy(threshold=0)
        for i in range(0, 32, 16):
            plain.update_state(y[i : i + 16], made.student(x[i : i + 16]))
        self.assertAlmostEqual(value, float(plain.result()), places=6)
        self.assertNotAlmostEqual(value, unmasked, places=3)

    @pytest.mark.slow
    def test_two_replicas_give_the_number_of_one(self):
        def logs():
            made = distiller("unit")
            made.compile(
                "sgd",
                supervised("unit"),
                metrics=["accuracy", K.AUC(name="auc")],
                weighted_metrics=[K.Precision(name="precision")],
            )
            return evaluated(made, *data("unit", 30))

        one = logs()
        with replicas.two_replicas().scope():
            two = logs()
        for key, value in one.items():
            self.assertAlmostEqual(two[key], value, places=5, msg=key)


support.mark_slow(ValuesTest, "test_works_eagerly", but=["0"])
support.mark_slow(
    ValuesTest,
    "test_equals",
    but=[
        "accuracy_classes",
        "auc_unit",
        "binary_function_unit",
        "f1_unit",
        "highest_classes",
        "iou_unit",
        "loss_as_metric_labels",
        "precision_labels",
    ],
)
support.mark_slow(ValuesTest, "test_what_reads_logits", but=["_labels"])


if __name__ == "__main__":
    absltest.main()
