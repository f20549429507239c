"""What the losses of a Distiller are asked for, and what is refused."""

import keras
import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from tests import reference
from tests import support
from tests.replicas import two_replicas
from tests.support import evaluated


class LossContractTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, self.y = support.data()

    def test_layers_of_a_loss_must_be_built_in_build(self):
        class Late(keras_kd.losses.DistillationLoss):
            needs = ("labels",)

            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.dense = keras.layers.Dense(3)

            def call(self, teacher, student, labels):
                return keras.ops.mean(self.dense(student) - teacher, axis=-1)

        with self.assertRaisesRegex(
            ValueError, "'late' must make its weights.*layer 'dense', built=F"
        ):
            support.distiller(Late())

    def test_a_mean_over_the_batch_is_refused(self):
        class Wrong(keras_kd.losses.DistillationLoss):
            def call(self, teacher, student):
                return keras.ops.mean(keras.ops.abs(teacher - student), axis=0)

        with self.assertRaisesRegex(
            ValueError, r"one value per example.*Received: shape \(3,\)"
        ):
            support.distiller(Wrong())

    def test_values_for_every_class_are_refused(self):
        class Squares(keras_kd.losses.DistillationLoss):
            def call(self, teacher, student):
                return keras.ops.square(teacher - student)

        with self.assertRaisesRegex(
            ValueError, r"one value per example.*Received: shape \(None, 3\)"
        ):
            support.distiller(Squares())

    def test_a_forgotten_need_is_refused(self):
        class Forgetful(keras_kd.losses.DistillationLoss):
            def call(self, teacher, student, labels):
                return keras.ops.cast(labels, "float32")

        with self.assertRaisesRegex(
            ValueError, r"`needs` must name.*Received: call\(..., labels\)"
        ):
            Forgetful()

    def test_a_loss_may_compute_in_float64(self):
        distiller = support.distiller(
            [
                keras_kd.losses.SoftTargets(2.0, dtype="float64"),
                keras_kd.losses.LogitRegression(),
            ]
        )
        distiller.compile("sgd", loss=support.cross_entropy())
        expected = reference.soft_targets(
            distiller.teacher(self.x), distiller.student(self.x), 2.0
        ).mean()
        logs = evaluated(distiller, self.x, self.y)
        np.testing.assert_allclose(logs["soft_targets"], expected, rtol=1e-6)
        distiller.fit(self.x, self.y, verbose=0)

    def test_a_loss_that_was_tried_by_hand_can_be_used(self):
        loss = keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden")
        loss(np.ones((2, 8)), np.ones((2, 4)))
        support.distiller(loss)

    def test_a_loss_built_for_other_shapes_is_refused(self):
        loss = keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden")
        loss(np.ones((2, 5)), np.ones((2, 4)))
        with self.assertRaisesRegex(
            ValueError, r"'hint' must be used.*\(2, 5\).*Received.*\(None, 8\)"
        ):
            support.distiller(loss)

    def test_a_hyperparameter_is_assigned_not_replaced(self):
        loss = keras_kd.losses.SoftTargets(2.0)
        with self.assertRaisesRegex(
            AttributeError, r"`.temperature.assign\(value\)`.*=1.0"
        ):
            loss.temperature = 1.0
        variables = loss.variables
        with self.assertRaises(AttributeError):
            loss.temperature = keras.Variable(1.0)
        self.assertEqual(
            [id(v) for v in loss.variables], [id(v) for v in variables]
        )
        distiller = support.distiller(loss)
        with self.assertRaisesRegex(
            AttributeError, r"assign\(value\)`.*student_loss_weight=0.5"
        ):
            distiller.student_loss_weight = 0.5

    def test_a_teacher_may_hand_over_integers(self):
        class Choice(keras.layers.Layer):
            def call(self, logits):
                return keras.ops.argmax(logits, axis=-1)

        class HardLabels(keras_kd.losses.DistillationLoss):
            def call(self, teacher, student):
                return keras.losses.sparse_categorical_crossentropy(
                    teacher, student, from_logits=True
                )

        inputs = keras.Input((4,))
        logits = keras.layers.Dense(3)(inputs)
        teacher = keras.Model(inputs, Choice()(logits))
        distiller = support.distiller(HardLabels(), teacher=teacher)
        distiller.compile("sgd")
        student = reference.log_softmax(distiller.student(self.x))
        rows = np.arange(len(self.x)), np.asarray(teacher(self.x))
        np.testing.assert_allclose(
            evaluated(distiller, self.x)["loss"], -student[rows].mean(), 1e-5
        )


class WeightsTest(absltest.TestCase):
    def two_headed(self, width):
        model = support.two_headed(width)
        return keras.Model(model.inputs, model.outputs)

    @pytest.mark.slow
    def test_no_weights_of_one_output_are_ones(self):
        # A place inside the model has the mean weight of the outputs: 1/2.
        x, y = support.data(8)
        losses = {}
        for weights in (None, [np.zeros(8), None], [np.zeros(8), np.ones(8)]):
            keras.utils.set_random_seed(0)
            distiller = support.distiller(
                keras_kd.losses.Hint(
                    teacher_tap="hidden", student_tap="hidden"
                ),
                teacher=self.two_headed(5),
                student=self.two_headed(4),
            )
            distiller.compile("sgd", loss=[support.cross_entropy()] * 2)
            logs = evaluated(distiller, x, [y, y], sample_weight=weights)
            losses[str(weights)[:12]] = logs["hint"]
        whole, *halves = losses.values()
        for half in halves:
            np.testing.assert_allclose(half, whole / 2, rtol=1e-5)

    def test_ignored_labels_do_not_count_where_the_loss_is_in_a_list(self):
        x, y = support.data()
        results = []
        for loss in (
            support.cross_entropy(ignore_class=1),
            [support.cross_entropy(ignore_class=1)],
        ):
            keras.utils.set_random_seed(0)
            distiller = support.distiller()
            distiller.compile("sgd", loss=loss)
            results.append(evaluated(distiller, x, y))
        self.assertEqual(*results)


class InputsTest(absltest.TestCase):
    def listed(self):
        inputs = [keras.Input((2,), name=name) for name in "ab"]
        joined = keras.layers.Concatenate()(inputs)
        return keras.Model(inputs, keras.layers.Dense(3)(joined))

    def test_entries_go_in_order_to_a_model_with_a_list_of_inputs(self):
        rng = np.random.default_rng(0)
        x = {n: rng.random((8, 2)).astype("float32") for n in "pqr"}
        distiller = support.distiller(
            teacher=self.listed(),
            student=self.listed(),
            teacher_inputs=["p", "q"],
            student_inputs=["r", "p"],
        )
        distiller.compile("sgd")
        expected = reference.soft_targets(
            distiller.teacher([x["p"], x["q"]]),
            distiller.student([x["r"], x["p"]]),
            2.0,
        ).mean()
        np.testing.assert_allclose(
            evaluated(distiller, x)["loss"], expected, 1e-5
        )

    def test_a_wrong_number_of_entries_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"must name 2 inputs.*Received: student_inputs=\['p'\]"
        ):
            support.distiller(
                teacher=self.listed(),
                student=self.listed(),
                student_inputs=["p"],
            )


class StudentTest(absltest.TestCase):
    def test_a_frozen_student_is_refused(self):
        student = support.dense(4)
        student.trainable = False
        distiller = support.distiller(student=student)
        distiller.compile("sgd")
        with self.assertRaisesRegex(
            ValueError, r"must have trainable weights.*trainable_weights=\[\]"
        ):
            distiller.fit(support.data()[0], verbose=0)

    def test_a_student_from_outside_the_scope_is_refused(self):
        teacher, student = support.dense(8), support.dense(4, name="small")
        with two_replicas().scope():
            with self.assertRaisesRegex(
                ValueError, 'scope of the same.*student="small", made in'
            ):
                support.distiller(teacher=teacher, student=student)
            support.distiller(teacher=teacher, student=support.dense(4))

    def test_a_distiller_outside_the_scope_of_its_student_is_refused(self):
        with two_replicas().scope():
            student = support.dense(4, name="small")
        with self.assertRaisesRegex(
            ValueError, 'scope of the same.*student="small", made in another'
        ):
            support.distiller(student=student)


class CloneTest(absltest.TestCase):
    def test_a_clone_with_another_teacher_does_not_go_on(self):
        x, _ = support.data()
        distiller = support.distiller()
        distiller.compile("sgd")
        path = str(support.folder(self) / "d.weights.h5")
        distiller.save_weights(path)
        clone = keras_kd.Distiller.from_config(distiller.get_config())
        clone.compile("sgd")
        clone.load_weights(path)
        with self.assertRaisesRegex(
            ValueError, 'this teacher.*Received: teacher="teacher"'
        ):
            clone.fit(x, verbose=0)
        clone.teacher.set_weights(distiller.teacher.get_weights())
        clone.fit(x, verbose=0)


if __name__ == "__main__":
    absltest.main()
