"""Examples without a label are distilled."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import reference
from tests import support
from tests.replicas import two_replicas
from tests.small_targets import RATE
from tests.small_targets import TEMPERATURE
from tests.small_targets import linear
from tests.small_targets import logits
from tests.small_targets import make
from tests.small_targets import step


def expected(distiller, x, y, labelled):
    """Terms and the change in one update, each half computed by itself."""
    teacher, student = logits(distiller, x)
    soft = reference.soft_targets(teacher, student, TEMPERATURE)
    gradient = reference.soft_targets_gradient(teacher, student, TEMPERATURE)
    gradient = gradient / len(x)
    log_q = reference.log_softmax(student)[labelled]
    rows = np.arange(len(log_q))
    hard = -log_q[rows, y[labelled]]
    residual = np.exp(log_q)
    residual[rows, y[labelled]] -= 1
    gradient[labelled] += residual / labelled.sum()
    change = [
        -RATE * reference.float64(x).T @ gradient,
        -RATE * gradient.sum(axis=0),
    ]
    return soft.mean(), hard.mean(), change


@support.eager_tests(but=("test_on_two_replicas", "test_metrics_of_labels"))
class UnlabelledTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.x, self.y = support.data(8)
        self.labelled = np.arange(8) % 2 == 0
        self.given = np.where(self.labelled, self.y, -1)
        self.loss = support.cross_entropy(ignore_class=-1)

    @parameterized.parameters(np.int64, np.int32, np.float32)
    def test_value_and_gradient_are_those_of_both_halves(self, dtype):
        distiller = make(self.loss)
        soft, hard, wanted = expected(distiller, self.x, self.y, self.labelled)
        change, logs = step(distiller, self.x, self.given.astype(dtype))
        np.testing.assert_allclose(logs["soft_targets"], soft, rtol=1e-5)
        np.testing.assert_allclose(logs["student_loss"], hard, rtol=1e-5)
        np.testing.assert_allclose(logs["loss"], soft + hard, rtol=1e-5)
        for actual, one in zip(change, wanted, strict=True):
            np.testing.assert_allclose(actual, one, rtol=1e-4, atol=1e-6)

    @pytest.mark.slow
    def test_on_two_replicas_that_have_unequal_parts(self):
        # The first replica has four labels, the second none.
        order = np.argsort(~self.labelled, kind="stable")
        x, y, given = self.x[order], self.y[order], self.given[order]
        with two_replicas().scope():
            distiller = make(support.cross_entropy(ignore_class=-1))
            soft, hard, wanted = expected(distiller, x, y, given >= 0)
            change, logs = step(distiller, x, given)
        np.testing.assert_allclose(logs["loss"], soft + hard, rtol=1e-5)
        for actual, one in zip(change, wanted, strict=True):
            np.testing.assert_allclose(actual, one, rtol=1e-4, atol=1e-6)

    def test_a_column_of_labels_is_one_label_an_example(self):
        distiller = make(self.loss)
        soft, hard, _ = expected(distiller, self.x, self.y, self.labelled)
        _, logs = step(distiller, self.x, self.given[:, None])
        np.testing.assert_allclose(logs["loss"], soft + hard, rtol=1e-5)

    @parameterized.parameters(
        functools.partial(
            keras.losses.sparse_categorical_crossentropy,
            from_logits=True,
            ignore_class=-1,
        ),
        support.cross_entropy(ignore_class=-1, name="mine"),
    )
    def test_however_the_loss_is_given(self, loss):
        metric = keras.metrics.SparseCategoricalCrossentropy(
            from_logits=True, name="ce"
        )
        distiller = make(loss, [metric])
        _, hard, _ = expected(distiller, self.x, self.y, self.labelled)
        logs = distiller.evaluate(
            self.x, self.given, verbose=0, return_dict=True
        )
        for key in ("student_loss", "ce"):
            np.testing.assert_allclose(logs[key], hard, rtol=1e-5)

    def test_labels_of_something_else_hide_no_positions(self):
        # One-hot labels of three classes beside a map of 3 x 3.
        image = keras.Input((3, 3, 2))
        nets = [
            keras.Model(image, keras.layers.Conv2D(n, 1, name="map")(image))
            for n in (4, 2)
        ]
        distiller = keras_kd.Distiller(
            teacher=nets[0],
            student=nets[1],
            distillation_losses=keras_kd.losses.Hint(
                teacher_tap="map", student_tap="map"
            ),
        )
        distiller.compile("sgd")
        x = np.random.default_rng(0).normal(size=(6, 3, 3, 2))
        y = np.eye(3, dtype="float32")[np.arange(6) % 3]
        y[:3, 1] = np.nan
        found = distiller.evaluate(x, y, verbose=0)
        np.testing.assert_allclose(found, distiller.evaluate(x, verbose=0))

    def test_bytes_have_no_class_of_minus_one(self):
        y = np.where(self.labelled, self.y, 255 % 3).astype("uint8")
        distiller = make(self.loss)
        everything = np.ones(8, bool)
        _, hard, _ = expected(distiller, self.x, y, everything)
        logs = distiller.evaluate(self.x, y, verbose=0, return_dict=True)
        np.testing.assert_allclose(logs["student_loss"], hard, rtol=1e-5)

    def test_labels_of_the_outputs_with_a_loss_alone(self):
        x = keras.Input((4,))
        heads = [keras.layers.Dense(3, name=n)(x) for n in ("a", "b")]
        student = keras.Model(x, heads)
        distiller = keras_kd.Distiller(
            teacher=linear(),
            student=student,
            distillation_losses=keras_kd.losses.SoftTargets(student_tap="a"),
        )
        distiller.compile("sgd", loss=[self.loss, None])
        logs = distiller.evaluate(
            self.x, [self.given], verbose=0, return_dict=True
        )
        scores = reference.float64(student(self.x)[0])
        hard = -reference.log_softmax(scores)[np.arange(8), self.y]
        np.testing.assert_allclose(
            logs["student_loss"], hard[self.labelled].mean(), rtol=1e-5
        )

    def test_a_batch_without_any_label_is_distilled(self):
        distiller = make(self.loss)
        teacher, student = logits(distiller, self.x)
        _, logs = step(distiller, self.x, np.full(8, -1))
        self.assertEqual(logs["student_loss"], 0)
        soft = reference.soft_targets(teacher, student, TEMPERATURE).mean()
        np.testing.assert_allclose(logs["loss"], soft, rtol=1e-5)

    @parameterized.parameters(False, True)
    def test_metrics_of_labels_leave_them_out(self, run_eagerly):
        metrics = [
            "accuracy",
            keras.metrics.SparseCategoricalCrossentropy(
                from_logits=True, name="ce"
            ),
            keras_kd.metrics.TeacherAgreement(),
        ]
        distiller = make(self.loss, metrics)
        distiller.run_eagerly = run_eagerly
        teacher, student = logits(distiller, self.x)
        logs = distiller.evaluate(
            self.x, self.given, verbose=0, return_dict=True
        )
        choice, y = student.argmax(-1), self.y
        right = (choice == y)[self.labelled].mean()
        np.testing.assert_allclose(logs["accuracy"], right, rtol=1e-6)
        entropy = -reference.log_softmax(student)[np.arange(8), y]
        np.testing.assert_allclose(
            logs["ce"], entropy[self.labelled].mean(), rtol=1e-5
        )
        agreement = (choice == teacher.argmax(-1)).mean()
        np.testing.assert_allclose(
            logs["teacher_agreement"], agreement, rtol=1e-6
        )

    def test_from_a_data_set_and_by_batch(self):
        data = tf.data.Dataset.from_tensor_slices((self.x, self.given))
        found = []
        distiller = make(self.loss)
        found.append(distiller.evaluate(data.batch(8), verbose=0))
        found.append(distiller.test_on_batch(self.x, self.given))
        wanted = sum(expected(distiller, self.x, self.y, self.labelled)[:2])
        for logs in found:
            np.testing.assert_allclose(np.ravel(logs)[0], wanted, rtol=1e-5)

    def test_a_cached_teacher_says_the_same(self):
        distiller = make(self.loss)
        data = (self.x, self.given)
        cached = keras_kd.teachers.cache_teacher(
            distiller.teacher,
            data,
            support.folder(self),
            dtype="float32",
            verbose=0,
        )
        twin = keras_kd.Distiller(
            teacher=cached,
            student=distiller.student,
            distillation_losses=keras_kd.losses.SoftTargets(TEMPERATURE),
        )
        twin.compile("sgd", self.loss)
        found = twin.evaluate(cached.attach(data).batch(8), verbose=0)
        wanted = sum(expected(distiller, self.x, self.y, self.labelled)[:2])
        np.testing.assert_allclose(found[0], wanted, rtol=1e-5)

    def test_a_loss_that_reads_labels_leaves_them_out(self):
        class Trusted(keras_kd.losses.DistillationLoss):
            needs = ("labels",)

            def call(self, teacher, student, labels):
                right = keras.ops.one_hot(labels, 3)
                return keras.ops.sum(right * (teacher - student) ** 2, axis=-1)

        distiller = make(self.loss, losses=Trusted())
        teacher, student = logits(distiller, self.x)
        _, logs = step(distiller, self.x, self.given)
        values = (teacher - student)[np.arange(8), self.y] ** 2
        np.testing.assert_allclose(
            logs["trusted"], values[self.labelled].mean(), rtol=1e-5
        )

    def test_peers_learn_from_each_other_about_them(self):
        peers = [linear(seed=1), linear(seed=2)]
        distiller = keras_kd.MutualDistiller(
            peers=peers,
            distillation_losses=keras_kd.losses.SoftTargets(TEMPERATURE),
        )
        distiller.compile("sgd", self.loss, metrics=["accuracy"])
        first, second = (reference.float64(p(self.x).numpy()) for p in peers)
        logs = distiller.evaluate(
            self.x, self.given, verbose=0, return_dict=True
        )
        soft = reference.soft_targets(second, first, TEMPERATURE).mean()
        np.testing.assert_allclose(logs["peer_0_soft_targets"], soft, rtol=1e-5)
        hard = -reference.log_softmax(first)[np.arange(8), self.y]
        np.testing.assert_allclose(
            logs["peer_0_student_loss"], hard[self.labelled].mean(), rtol=1e-5
        )
        right = (first.argmax(-1) == self.y)[self.labelled].mean()
        np.testing.assert_allclose(logs["peer_0_accuracy"], right, rtol=1e-6)
        together = ((first + second).argmax(-1) == self.y)[self.labelled]
        np.testing.assert_allclose(
            logs["ensemble_accuracy"], together.mean(), rtol=1e-6
        )


if __name__ == "__main__":
    absltest.main()
