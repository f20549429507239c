"""Metrics of probabilities, given to `compile`, where a student has logits."""

import functools
import warnings
from unittest import mock

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from keras_kd import probabilities
from tests import compiled_metrics_reference as reference
from tests import replicas
from tests import support

K = keras.metrics
BINARY = keras.losses.BinaryCrossentropy(from_logits=True)


def data(kind, count=64):
    """Inputs and labels, that go with `distiller(kind)`."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(count, 4)).astype("float32")
    if kind == "classes":
        return x, np.eye(3, dtype="float32")[rng.integers(0, 3, count)]
    units = 1 if kind == "unit" else 3
    return x, (rng.random((count, units)) < 0.4).astype("float32")


def supervised(kind):
    if kind == "classes":
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return keras.losses.BinaryCrossentropy(from_logits=True)


def distiller(kind, loss=None):
    """A Distiller whose student is spread over both sides of 0 and .5."""
    keras.utils.set_random_seed(3)
    units = 1 if kind == "unit" else 3
    if loss is None:
        soft = kind == "classes"
        loss = losses.SoftTargets() if soft else losses.BinarySoftTargets()
    made = support.distiller(
        loss,
        teacher=support.dense(8, units),
        student=support.dense(8, units, name="student"),
    )
    head = made.student.get_layer("head")
    # Biases that put some logits between 0 and .5, and away from the edges.
    head.bias.assign(np.linspace(0.3, -0.4, units))
    return made


def evaluated(made, *arguments, **kwargs):
    return made.evaluate(
        *arguments, batch_size=16, verbose=0, return_dict=True, **kwargs
    )


def probabilities_of(made, kind, x):
    logits = made.student.predict(x, verbose=0)
    return reference.probabilities(logits, kind == "classes")


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


ALL = ("unit", "labels", "classes")


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


class CompileTest(parameterized.TestCase):
    def test_the_users_object_holds_the_state(self):
        made = distiller("unit")
        auc = K.AUC(name="auc")
        made.compile("sgd", supervised("unit"), metrics=[auc])
        value = evaluated(made, *data("unit"))["auc"]
        self.assertEqual(float(auc.result()), value)
        self.assertEqual(
            [v.path for v in made.metrics_variables if "auc" in v.path],
            [v.path for v in auc.variables],
        )
        made.reset_metrics()
        self.assertEqual(float(auc.result()), 0)

    def test_the_same_objects_may_be_compiled_again(self):
        made = distiller("unit")
        auc = K.AUC(name="auc")
        values = []
        for _ in range(2):
            made.compile("sgd", supervised("unit"), metrics=[auc])
            values.append(evaluated(made, *data("unit"))["auc"])
        self.assertEqual(*values)

    def test_a_loaded_distiller_measures_the_same(self):
        made = distiller("unit")
        made.compile(
            "sgd",
            supervised("unit"),
            metrics=["accuracy", K.AUC(name="auc"), K.binary_accuracy],
            weighted_metrics=[K.Precision(name="precision"), "AUC"],
        )
        x, y = data("unit")
        made.fit(x, y, verbose=0)
        path = support.folder(self) / "made.keras"
        made.save(path)
        loaded = keras.models.load_model(path)
        before, after = evaluated(made, x, y), evaluated(loaded, x, y)
        self.assertEqual(list(before), list(after))
        for key, value in before.items():
            self.assertAlmostEqual(after[key], value, places=6, msg=key)

    def test_callbacks_know_the_direction(self):
        made = distiller("unit")
        x, y = data("unit")
        made.compile("sgd", supervised("unit"), metrics=[K.AUC(name="auc")])
        stopping = keras.callbacks.EarlyStopping(monitor="val_auc", patience=1)
        made.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[stopping])
        self.assertTrue(stopping.monitor_op(0.6, 0.5))

    def test_an_output_is_activated_once(self):
        made = distiller("labels")
        made.compile(
            "sgd",
            supervised("labels"),
            metrics=[K.AUC(), K.Precision(), K.Recall(), "accuracy"],
            weighted_metrics=[K.BinaryAccuracy()],
            run_eagerly=True,
        )
        x, y = data("labels")
        made.test_on_batch(x, y)
        with mock.patch.object(
            probabilities.Activation, "call", return_value=y
        ) as call:
            made.test_on_batch(x, y)
        self.assertEqual(call.call_count, 1)

    def test_metrics_without_a_loss_go_by_the_distillation_loss(self):
        for kind in ALL:
            made = distiller(kind)
            made.compile("sgd", metrics=[K.BinaryCrossentropy(name="value")])
            x, y = data(kind)
            p = probabilities_of(made, kind, x)
            self.assertAlmostEqual(
                evaluated(made, x, y)["value"],
                reference.binary_cross_entropy(y, p),
                places=5,
                msg=kind,
            )

    @parameterized.parameters(
        (BINARY, "labels"),
        (keras.losses.CategoricalCrossentropy(from_logits=True), "classes"),
    )
    def test_the_loss_tells_where_a_regression_on_logits_does_not(
        self, loss, kind
    ):
        made = distiller(kind, losses.LogitRegression())
        made.compile("sgd", loss, metrics=[K.Recall(name="recall")])
        x, y = data(kind)
        p = probabilities_of(made, kind, x)
        value = evaluated(made, x, y)["recall"]
        self.assertAlmostEqual(value, reference.recall(y, p), places=6)

    def test_a_metric_of_the_library_knows_too(self):
        made = distiller("classes")
        made.compile(
            "sgd",
            supervised("classes"),
            metrics=[
                keras_kd.metrics.ExpectedCalibrationError(name="guessed"),
                keras_kd.metrics.ExpectedCalibrationError(
                    from_logits=True, name="told"
                ),
            ],
        )
        logs = evaluated(made, *data("classes"))
        self.assertAlmostEqual(logs["guessed"], logs["told"], places=6)

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


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(
        (lambda: K.Accuracy(), 'Use `metrics=."accuracy".`'),
        (lambda: K.MeanIoU(3), r"keras\.metrics\.MeanIoU\(.*sparse_y_pred=Fal"),
    )
    def test_metrics_of_class_numbers(self, make, remedy):
        with self.assertRaisesRegex(
            ValueError, f"`metrics` must read scores.*Received.*{remedy}"
        ):
            distiller("classes").compile("sgd", metrics=[make()])

    def test_metrics_of_probabilities_where_nothing_tells_which(self):
        made = distiller("classes", losses.LogitRegression())
        with self.assertRaisesRegex(
            ValueError, "must know whether.*Received: <Precision.*Give `loss="
        ):
            made.compile("sgd", metrics=[K.Precision()])
        made.compile("sgd", metrics=[K.Precision(thresholds=0)])

    def test_a_metric_of_one_kind_tells_itself(self):
        made = distiller("labels", losses.LogitRegression())
        made.compile("sgd", metrics=[K.BinaryAccuracy(name="value")])
        x, y = data("labels")
        p = probabilities_of(made, "labels", x)
        self.assertAlmostEqual(
            evaluated(made, x, y)["value"], reference.accuracy(y, p), places=6
        )


def mine(y_true, y_pred):
    return y_pred[:, 0]


def also_mine(y_true, y_pred):
    return y_pred[:, 0]


class WarningTest(absltest.TestCase):
    def test_one_for_all_that_is_the_users_own(self):
        made = distiller("unit")
        with self.assertWarnsRegex(
            UserWarning, r"get logits.*Received: also_mine, mine\. "
        ) as caught:
            made.compile(
                "sgd",
                also_mine,
                metrics=[mine, K.MeanMetricWrapper(mine, name="own_name")],
            )
        self.assertLen(caught.warnings, 1)

    def test_none_for_what_says_what_it_takes(self):
        class Sure(K.Mean):
            from_logits = True

            def update_state(self, y_true, y_pred, sample_weight=None):
                super().update_state(y_pred)

        made = distiller("unit")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made.compile("sgd", metrics=[Sure(name="sure")])
        x, y = data("unit")
        expected = made.student.predict(x, verbose=0).mean()
        value = evaluated(made, x, y)["sure"]
        self.assertAlmostEqual(value, expected, places=5)

    def test_own_metrics_that_want_probabilities_get_them(self):
        def mean(y_true, y_pred, from_logits=False):
            return y_pred[:, 0]

        made = distiller("unit")
        made.compile("sgd", metrics=[mean])
        x, y = data("unit")
        expected = probabilities_of(made, "unit", x).mean()
        value = evaluated(made, x, y)["mean"]
        self.assertAlmostEqual(value, expected, places=5)


def two_headed(first="a", second="b", **layers):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8)(inputs)
    outputs = {
        first: keras.layers.Dense(1, name=first)(hidden),
        second: keras.layers.Dense(3, name=second)(hidden),
    }
    return keras.Model(inputs, outputs)


class OutputsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("dict", lambda: {"a": [K.AUC(name="m")], "b": K.Recall(name="m")}),
        ("by_position", lambda: [K.AUC(name="m"), K.Recall(name="m")]),
        ("lists", lambda: [[K.AUC(name="m")], [K.Recall(name="m")]]),
    )
    def test_each_goes_by_its_own_loss(self, make):
        keras.utils.set_random_seed(0)
        made = support.distiller(
            [
                losses.BinarySoftTargets(teacher_tap="a", student_tap="a"),
                losses.SoftTargets(teacher_tap="b", student_tap="b"),
            ],
            teacher=two_headed(),
            student=two_headed(),
        )
        made.compile("sgd", metrics=make())
        x, a = data("unit")
        _, b = data("classes")
        logs = evaluated(made, x, {"a": a, "b": b})
        logits = made.student.predict(x, verbose=0)
        expected = reference.auc(
            a, reference.probabilities(logits["a"], is_softmax=False)
        )
        self.assertAlmostEqual(logs["a_m"], expected, places=5)
        expected = reference.recall(
            b, reference.probabilities(logits["b"], is_softmax=True)
        )
        self.assertAlmostEqual(logs["b_m"], expected, places=5)

    def test_an_output_without_evidence_is_left_alone(self):
        made = support.distiller(
            losses.SoftTargets(teacher_tap="b", student_tap="b"),
            teacher=two_headed(),
            student=two_headed(),
        )
        made.compile(
            "sgd",
            {"a": "mse", "b": None},
            metrics={"a": [K.BinaryAccuracy(name="m")]},
        )
        x, a = data("unit")
        logits = made.student.predict(x, verbose=0)["a"]
        logs = evaluated(made, x, {"a": a, "b": data("classes")[1]})
        self.assertAlmostEqual(
            logs["a_m"], np.mean((logits > 0.5) == a), places=6
        )

    def test_a_loss_of_logits_is_evidence(self):
        made = support.distiller(
            losses.SoftTargets(teacher_tap="b", student_tap="b"),
            teacher=two_headed(),
            student=two_headed(),
        )
        made.compile(
            "sgd",
            {"a": BINARY, "b": None},
            metrics={"a": [K.BinaryAccuracy(name="m")]},
        )
        x, a = data("unit")
        logits = made.student.predict(x, verbose=0)["a"]
        logs = evaluated(made, x, {"a": a, "b": data("classes")[1]})
        self.assertAlmostEqual(
            logs["a_m"], np.mean((logits > 0) == a), places=6
        )


if __name__ == "__main__":
    absltest.main()
