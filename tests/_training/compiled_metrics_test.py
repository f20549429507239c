"""Metrics of probabilities, given to `compile`, where a student has logits."""

import warnings

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from tests import compiled_metrics_reference as reference
from tests import support
from tests.logits_students import ALL
from tests.logits_students import data
from tests.logits_students import distiller
from tests.logits_students import evaluated
from tests.logits_students import probabilities_of
from tests.logits_students import supervised
from tests.logits_students import two_headed

K = keras.metrics
BINARY = keras.losses.BinaryCrossentropy(from_logits=True)


@support.eager_tests
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

    @pytest.mark.slow
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

    @pytest.mark.slow
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


@support.eager_tests
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


@support.eager_tests
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


@support.eager_tests
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
