"""Losses whose value for an example depends on the others."""

import contextlib

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized
from keras import ops

import keras_kd
from tests import support
from tests.replicas import two_replicas


class Similarity(keras_kd.losses.DistillationLoss):
    """Compares all pairs of examples (Tung and Mori, 2019)."""

    def call(self, teacher, student):
        first, second = (
            ops.matmul(x, ops.transpose(x)) for x in (teacher, student)
        )
        return ops.mean((first - second) ** 2, axis=-1)


class Centred(keras_kd.losses.DistillationLoss):
    """Subtracts the mean over the batch."""

    needs = ("labels",)

    def call(self, teacher, student, labels):
        gap = teacher - student
        gap = gap - ops.mean(gap, axis=0, keepdims=True)
        return ops.mean(gap**2, axis=-1) + 0 * ops.cast(labels, "float32")


class OneHot(keras_kd.losses.DistillationLoss):
    """Reads labels that are one-hot."""

    needs = ("labels",)

    def call(self, teacher, student, labels):
        labels = ops.cast(labels, "float32")
        return ops.sum(labels * (teacher - student) ** 2, axis=-1)


class MixedExamplesTest(parameterized.TestCase):
    @pytest.mark.slow
    @support.eagerly()
    def test_labels_of_another_form_are_taken_on_several_replicas(self):
        x, y = support.data(8)
        y = np.eye(3, dtype="float32")[y]
        results = []
        for scope in (contextlib.nullcontext(), two_replicas().scope()):
            keras.utils.set_random_seed(0)
            with scope:
                distiller = support.distiller(OneHot())
                distiller.compile(keras.optimizers.SGD(0.1))
            distiller.fit(x, y, batch_size=4, shuffle=False, verbose=0)
            results.append(support.values(distiller.student.weights))
        self.assertLess(support.largest_difference(*results), 1e-6)

    @parameterized.parameters(Similarity, Centred)
    def test_are_refused_on_several_replicas(self, kind):
        with (
            two_replicas().scope(),
            self.assertRaisesRegex(
                ValueError,
                f"must give each example a value of its own on several "
                f"replicas.*Received: {kind.__name__}.*"
                "`compares_examples = True`.*one_device",
            ),
        ):
            support.distiller(kind())

    @parameterized.parameters(Similarity, Centred)
    def test_are_taken_on_one(self, kind):
        distiller = support.distiller(kind())
        distiller.compile("sgd")
        history = distiller.fit(*support.data(), verbose=0).history
        self.assertTrue(np.isfinite(history["loss"]).all())

    def test_peers_are_refused_too(self):
        with (
            two_replicas().scope(),
            self.assertRaisesRegex(ValueError, "a value of its own"),
        ):
            keras_kd.MutualDistiller(
                peers=[support.dense(4, name="a"), support.dense(4, name="b")],
                distillation_losses=Similarity(),
            )

    def test_the_look_leaves_a_loss_as_it_is(self):
        class Counting(keras_kd.losses.DistillationLoss):
            def build(self, teacher_shape, student_shape):
                self.seen = self.add_weight(shape=(), trainable=False)
                self.seen.assign(0.0)

            def call(self, teacher, student):
                self.seen.assign_add(1.0)
                return ops.mean((teacher - student) ** 2, axis=-1)

        with two_replicas().scope():
            loss = Counting()
            support.distiller(loss)
        self.assertEqual(float(loss.seen.numpy()), 0)

    def test_batch_normalisation_in_a_projector_is_no_such_loss(self):
        projector = keras.Sequential(
            [keras.layers.Dense(8), keras.layers.BatchNormalization()]
        )
        with two_replicas().scope():
            support.distiller(
                keras_kd.losses.Hint(
                    teacher_tap="hidden",
                    student_tap="hidden",
                    projector=projector,
                )
            )


if __name__ == "__main__":
    absltest.main()
