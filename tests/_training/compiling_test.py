"""Metrics and keys of the logs."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.metrics import TeacherAgreement
from tests import reference
from tests import support
from tests.support import evaluated


def two_outputs():
    return support.distiller(
        keras_kd.losses.SoftTargets(teacher_tap="a", student_tap="a"),
        teacher=support.two_headed(6, "teacher"),
        student=support.two_headed(4, "student"),
    )


class CompilingTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, self.y = support.data()

    def agreement(self, distiller, weights, output=None):
        teacher, student = distiller.teacher(self.x), distiller.student(self.x)
        if output:
            teacher, student = teacher[output], student[output]
        agree = np.argmax(teacher, -1) == np.argmax(student, -1)
        return np.average(agree, weights=weights)

    def test_only_weighted_metrics_are_weighted(self):
        distiller = support.distiller()
        distiller.compile(
            "sgd",
            metrics=[TeacherAgreement()],
            weighted_metrics=[TeacherAgreement(name="weighted")],
        )
        weights = np.random.default_rng(0).random(len(self.x))
        logs = evaluated(distiller, self.x, self.y, sample_weight=weights)
        self.assertAlmostEqual(
            logs["teacher_agreement"], self.agreement(distiller, None), places=6
        )
        self.assertAlmostEqual(
            logs["weighted"], self.agreement(distiller, weights), places=6
        )

    @parameterized.named_parameters(
        ("dict", lambda: {"b": [TeacherAgreement()], "a": ["accuracy"]}),
        ("list_per_output", lambda: [["accuracy"], [TeacherAgreement()]]),
        ("lone_list", lambda: [[], [TeacherAgreement()]]),
        ("named", lambda: [TeacherAgreement(output="b")]),
    )
    def test_a_metric_finds_its_output(self, make_metrics):
        distiller = two_outputs()
        distiller.compile("sgd", metrics=make_metrics())
        y = {"a": self.y, "b": self.y}
        logs = evaluated(distiller, self.x, y)
        self.assertAlmostEqual(
            logs["b_teacher_agreement"],
            self.agreement(distiller, None, "b"),
            places=6,
        )

    def test_each_output_has_its_own_entry(self):
        distiller = two_outputs()
        distiller.compile(
            "sgd", metrics={name: TeacherAgreement() for name in "ab"}
        )
        logs = evaluated(distiller, self.x)
        self.assertContainsSubset(
            ["a_teacher_agreement", "b_teacher_agreement"], logs
        )

    @parameterized.parameters(None, "c")
    def test_a_metric_of_no_output_is_refused(self, output):
        with self.assertRaisesRegex(
            ValueError, f"output of both.*Received: output={output!r}.* a, b"
        ):
            two_outputs().compile(
                "sgd", metrics=[TeacherAgreement(output=output)]
            )

    def test_the_name_of_the_only_output_may_be_given(self):
        distiller = support.distiller()
        distiller.compile("sgd", metrics={"head": [TeacherAgreement()]})
        logs = evaluated(distiller, self.x)
        self.assertIn("teacher_agreement", logs)

    def test_recompiling_replaces_the_metrics(self):
        distiller = support.distiller()
        distiller.compile("sgd", metrics=[TeacherAgreement()])
        distiller.compile("sgd", metrics=[keras_kd.metrics.TeacherDivergence()])
        logs = evaluated(distiller, self.x)
        self.assertCountEqual(
            logs, ["loss", "soft_targets", "teacher_divergence"]
        )

    def test_divergence_equals_the_formula(self):
        distiller = support.distiller()
        distiller.compile("sgd", metrics=[keras_kd.metrics.TeacherDivergence()])
        expected = reference.kl_divergence(
            distiller.teacher(self.x), distiller.student(self.x)
        ).mean()
        logs = evaluated(distiller, self.x)
        np.testing.assert_allclose(logs["teacher_divergence"], expected, 1e-5)

    def test_two_entries_of_one_name_are_refused(self):
        distiller = support.distiller(
            keras_kd.losses.SoftTargets(name="accuracy")
        )
        distiller.compile("sgd", metrics=["accuracy"])
        with self.assertRaisesRegex(
            ValueError, "must be unique.*Received: 'accuracy' twice"
        ):
            evaluated(distiller, self.x, self.y)

    def test_a_class_called_loss_gets_another_key(self):
        class Loss(keras_kd.losses.DistillationLoss):
            def call(self, teacher, student):
                return keras.ops.mean(keras.ops.abs(teacher - student), -1)

        distiller = support.distiller(Loss())
        self.assertEqual(distiller.loss_names, ("loss_1",))

    @parameterized.parameters("loss", "student_loss")
    def test_a_reserved_name_is_refused(self, name):
        with self.assertRaisesRegex(
            ValueError, f"must be unique.*Received: name={name!r}"
        ):
            support.distiller(keras_kd.losses.SoftTargets(name=name))

    @parameterized.named_parameters(
        ("name", "sparse_categorical_crossentropy"),
        ("function", keras.losses.sparse_categorical_crossentropy),
        ("object", keras.losses.SparseCategoricalCrossentropy()),
        ("in_a_list", ["categorical_crossentropy"]),
    )
    def test_a_cross_entropy_of_probabilities_is_refused(self, loss):
        with self.assertRaisesRegex(
            ValueError, "must take logits.*`SoftTargets`.*Received: loss="
        ):
            support.distiller().compile("sgd", loss=loss)

    def test_other_losses_are_the_users_choice(self):
        support.distiller().compile("sgd", loss="mse")
        hint = keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden")
        student = support.dense(4, activation="softmax")
        support.distiller(hint, student=student).compile(
            "sgd", loss="sparse_categorical_crossentropy"
        )

    def test_the_arguments_of_compile_may_be_positional(self):
        distiller = support.distiller()
        distiller.compile(
            "sgd", support.cross_entropy(), None, ["accuracy"], None, True
        )
        self.assertTrue(distiller.run_eagerly)


if __name__ == "__main__":
    absltest.main()
