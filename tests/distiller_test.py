"""Training, evaluation and logs of a Distiller on one device."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import reference
from tests import support
from tests.support import cross_entropy


class LossTest(parameterized.TestCase):
    def test_total_is_the_weighted_sum_of_the_formulas(self):
        x, y = support.data()
        distiller = support.distiller(
            [
                keras_kd.losses.SoftTargets(3.0, loss_weight=0.7),
                keras_kd.losses.LogitRegression(loss_weight=0.2),
            ],
            student_loss_weight=0.5,
        )
        distiller.compile("sgd", loss=cross_entropy())
        teacher, student = distiller.teacher(x), distiller.student(x)
        weights = np.linspace(0, 2, len(x)).astype("float32")
        soft = reference.soft_targets(teacher, student, 3.0)
        regression = reference.logit_regression(teacher, student)
        hard = -reference.log_softmax(student)[np.arange(len(y)), y]
        expected = {
            "soft_targets": np.mean(weights * soft),
            "logit_regression": np.mean(weights * regression),
            "student_loss": np.mean(weights * hard),
        }
        expected["loss"] = (
            0.7 * expected["soft_targets"]
            + 0.2 * expected["logit_regression"]
            + 0.5 * expected["student_loss"]
        )

        # Batches of 10, 10 and 4: the log weighs them by their sizes.
        actual = distiller.evaluate(
            x, y, 10, sample_weight=weights, verbose=0, return_dict=True
        )

        self.assertSameElements(expected, actual)
        for name, value in expected.items():
            np.testing.assert_allclose(actual[name], value, 1e-5, err_msg=name)

    def test_one_step_follows_the_gradient_of_the_formula(self):
        # d/dz of T^2 KL is T (q - p); SGD moves the bias of the last layer by
        # minus the learning rate times its mean.
        x, _ = support.data()
        distiller = support.distiller(keras_kd.losses.SoftTargets(3.0))
        distiller.compile(keras.optimizers.SGD(0.1))
        gradient = reference.soft_targets_gradient(
            distiller.teacher(x), distiller.student(x), 3.0
        )
        bias = distiller.student.get_layer("head").bias
        before = keras.ops.convert_to_numpy(bias)

        distiller.train_on_batch(x)

        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(bias) - before,
            -0.1 * gradient.mean(axis=0),
            rtol=1e-4,
            atol=1e-7,
        )

    @pytest.mark.slow
    def test_distillation_beats_the_teacher_of_other_examples(self):
        # The control has the same soft targets, each for a wrong example.
        rng = np.random.default_rng(0)
        x = rng.normal(size=(400, 4)).astype("float32")
        agreements = []
        for shuffled in (False, True):
            keras.utils.set_random_seed(1)
            teacher = support.dense(32)
            inputs = {"teacher": rng.permutation(x) if shuffled else x}
            inputs["student"] = x
            distiller = keras_kd.Distiller(
                teacher=teacher,
                student=support.dense(32),
                distillation_losses=keras_kd.losses.SoftTargets(2.0),
                teacher_inputs="teacher",
                student_inputs="student",
            )
            distiller.compile(keras.optimizers.Adam(0.01))
            distiller.fit(inputs, epochs=20, verbose=0)
            choice = [np.argmax(m(x), -1) for m in (teacher, distiller.student)]
            agreements.append(np.mean(choice[0] == choice[1]))
        self.assertGreater(agreements[0], 0.9)
        self.assertGreater(agreements[0], agreements[1] + 0.2)

    def test_regularisation_of_the_student_is_in_the_loss(self):
        x, y = support.data()
        student = support.dense(
            4, kernel_regularizer=keras.regularizers.L2(3.0)
        )
        distiller = support.distiller(student=student)
        distiller.compile("sgd", loss=cross_entropy())
        logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
        kernel = keras.ops.convert_to_numpy(student.get_layer("head").kernel)
        np.testing.assert_allclose(
            logs["loss"] - logs["student_loss"] - logs["soft_targets"],
            3.0 * np.sum(np.square(kernel)),
            rtol=1e-5,
        )

    def test_what_the_student_adds_to_its_loss_is_in_the_loss(self):
        class Penalty(keras.layers.Layer):
            def call(self, x):
                self.add_loss(keras.ops.mean(keras.ops.abs(x)))
                return x

        student = keras.Sequential(
            [keras.Input((4,)), Penalty(), keras.layers.Dense(3)]
        )
        distiller = support.distiller(student=student)
        distiller.compile("sgd")
        x, _ = support.data()
        logs = distiller.evaluate(x, verbose=0, return_dict=True)
        np.testing.assert_allclose(
            logs["loss"] - logs["soft_targets"], np.mean(np.abs(x)), rtol=1e-5
        )

    def test_a_loss_weight_of_zero_switches_a_loss_off(self):
        x, y = support.data()
        results = []
        for weight in (1.0, 0.0):
            keras.utils.set_random_seed(0)
            distiller = support.distiller(student_loss_weight=weight)
            distiller.compile("sgd", loss=cross_entropy())
            if weight:
                distiller.hyperparameter("student_loss_weight").assign(0)
            distiller.fit(x, y, verbose=0)
            results.append(support.values(distiller.student.weights))
        self.assertEqual(support.largest_difference(*results), 0)


class LogsTest(absltest.TestCase):
    def test_names_count_within_the_distiller(self):
        for _ in range(2):
            hints = [
                keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden")
                for _ in range(3)
            ]
            given = keras_kd.losses.SoftTargets(name="hint_1")
            distiller = support.distiller([*hints, given])
            self.assertEqual(
                distiller.loss_names, ("hint", "hint_2", "hint_3", "hint_1")
            )

    def test_history_has_every_term(self):
        x, y = support.data()
        distiller = support.distiller()
        distiller.compile("sgd", loss=cross_entropy(), metrics=["accuracy"])
        history = distiller.fit(x, y, validation_data=(x, y), verbose=0).history
        keys = ["accuracy", "loss", "soft_targets", "student_loss"]
        self.assertCountEqual(history, keys + [f"val_{key}" for key in keys])

    def test_metrics_are_those_of_the_student(self):
        x, y = support.data()
        distiller = support.distiller()
        distiller.compile("sgd", loss=cross_entropy(), metrics=["accuracy"])
        logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
        choice = np.argmax(distiller.student(x), axis=-1)
        self.assertAlmostEqual(logs["accuracy"], np.mean(choice == y), places=6)
        np.testing.assert_allclose(
            distiller.predict(x, verbose=0),
            distiller.student(x),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_teacher_metrics_see_the_teacher(self):
        x, y = support.data()
        distiller = support.distiller()
        distiller.compile(
            "sgd",
            loss=cross_entropy(),
            metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        )
        logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
        expected = reference.top_k_agreement(
            distiller.teacher(x), distiller.student(x), 1
        )
        self.assertAlmostEqual(logs["teacher_agreement"], expected, places=6)

    def test_train_on_batch_returns_the_logs(self):
        x, y = support.data()
        distiller = support.distiller()
        distiller.compile("sgd", loss=cross_entropy())
        logs = distiller.train_on_batch(x, y, return_dict=True)
        self.assertCountEqual(logs, ["loss", "soft_targets", "student_loss"])
        logs = distiller.test_on_batch(x, y, return_dict=True)
        self.assertCountEqual(logs, ["loss", "soft_targets", "student_loss"])

    def test_hyperparameter_finds_variables_by_name(self):
        soft = keras_kd.losses.SoftTargets()
        distiller = support.distiller(soft)
        self.assertIs(
            distiller.hyperparameter("soft_targets.temperature"),
            soft.temperature,
        )
        self.assertIs(
            distiller.hyperparameter("student_loss_weight"),
            distiller.student_loss_weight,
        )
        with self.assertRaisesRegex(
            ValueError,
            "student_loss_weight, soft_targets.loss_weight, soft_targets."
            "temperature. Received: target='hint.temperature'",
        ):
            distiller.hyperparameter("hint.temperature")

    def test_summary_shows_the_student_and_the_losses(self):
        lines = []
        support.distiller().summary(print_fn=lambda s, **_: lines.append(s))
        text = "\n".join(lines)
        self.assertIn("student", text)
        self.assertIn("soft_targets", text)


if __name__ == "__main__":
    absltest.main()
