"""Faults of `keras.distillation` in Keras 3.15, none of which may be ours.

One test each, numbered as in our list of them (from 12 on in
`incumbent_interface_test.py`): 1 the default loss is no KL
divergence, 2 no factor T^2, 3 clipped probabilities, 4 temperature and weights
baked into the graph, 5 two student passes, 6 training mode in `evaluate`,
7 sample weights, 8 regularisation dropped, 9 wrong on replicas, 10 losses
without weights, 11 unequal feature sizes, 12 taps of top-level layers only,
13 equal outputs demanded, 14 the weight of a single loss dropped, 15 no labels
in a loss, 16 masks, 17 `compile` arguments, 18 saving, 19 the teacher changed,
20 names in the logs, 21 probabilities accepted, 22 a convex mix only.
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

from keras_kd import losses
from tests import reference
from tests import support
from tests.replicas import two_replicas
from tests.support import cross_entropy

TEACHER = np.array([[2.0, 1.0, -3.0], [-4.0, -1.0, -2.0]], "float32")
STUDENT = np.array([[1.0, 2.0, -1.0], [-3.0, -2.0, -5.0]], "float32")


def evaluated(distiller, *data, **kwargs):
    return distiller.evaluate(*data, verbose=0, return_dict=True, **kwargs)


class IncumbentTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, self.y = support.data()

    def test_01_the_default_loss_is_the_kl_divergence(self):
        np.testing.assert_allclose(
            losses.SoftTargets()(TEACHER, STUDENT),
            reference.soft_targets(TEACHER, STUDENT, 4.0),
            rtol=1e-5,
        )

    def test_02_the_squared_temperature_keeps_the_gradient_steady(self):
        # T (q - p) tends to (centred student - centred teacher) / classes.
        for loss in (losses.SoftTargets, losses.BinarySoftTargets):
            sizes = []
            for temperature in (20.0, 40.0):
                student = tf.Variable(STUDENT)
                with tf.GradientTape() as tape:
                    value = loss(temperature)(TEACHER, student)
                sizes.append(np.abs(tape.gradient(value, student)).sum())
            self.assertAlmostEqual(sizes[0] / sizes[1], 1, delta=0.1)

    def test_03_tiny_probabilities_still_have_a_gradient(self):
        # The student gives the teacher's class a probability of exp(-40); the
        # gradient of T^2 KL is T (q - p): -1 there.
        student = tf.Variable([[0.0, 40.0]])
        with tf.GradientTape() as tape:
            value = losses.SoftTargets(1.0)(np.array([[40.0, 0.0]]), student)
        np.testing.assert_allclose(
            tape.gradient(value, student), [[-1.0, 1.0]], rtol=1e-5
        )

    def test_04_temperature_and_weights_act_in_the_compiled_graph(self):
        distiller = support.distiller()
        distiller.compile("sgd", loss=cross_entropy())
        evaluated(distiller, self.x, self.y)
        distiller.hyperparameter("soft_targets.temperature").assign(20.0)
        distiller.hyperparameter("student_loss_weight").assign(0.25)
        distiller.hyperparameter("soft_targets.loss_weight").assign(3.0)
        logs = evaluated(distiller, self.x, self.y)
        expected = reference.soft_targets(
            distiller.teacher(self.x), distiller.student(self.x), 20.0
        ).mean()
        np.testing.assert_allclose(logs["soft_targets"], expected, rtol=1e-4)
        np.testing.assert_allclose(
            logs["loss"],
            3 * logs["soft_targets"] + 0.25 * logs["student_loss"],
            rtol=1e-5,
        )

    def test_05_a_feature_loss_runs_the_student_once(self):
        passes = []

        class Spy(keras.layers.Layer):
            def call(self, x):
                passes.append(1)
                return x

        student = keras.Sequential(
            [keras.Input((4,)), Spy(name="spy"), keras.layers.Dense(3)]
        )
        distiller = support.distiller(
            [
                losses.SoftTargets(),
                losses.Hint(teacher_tap="hidden", student_tap="spy"),
            ],
            student=student,
        )
        distiller.compile("sgd", run_eagerly=True)
        passes.clear()
        distiller.train_on_batch(self.x)
        self.assertLen(passes, 1)

    def test_06_evaluate_runs_the_student_in_inference_mode(self):
        student = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.5, name="tap"),
                keras.layers.Dense(3),
            ]
        )
        distiller = support.distiller(
            losses.Hint(teacher_tap="hidden", student_tap="tap"),
            student=student,
        )
        distiller.compile("sgd")
        before = support.values(distiller.variables)
        first, second = (evaluated(distiller, self.x) for _ in range(2))
        after = support.values(distiller.variables)
        self.assertEqual(first, second)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_07_sample_weights_count(self):
        distiller = support.distiller()
        distiller.compile("sgd")
        weights = np.arange(len(self.x)) % 2 * 2.0
        half = evaluated(distiller, self.x[1::2])["loss"]
        both = evaluated(
            distiller, self.x, np.zeros(len(self.x)), sample_weight=weights
        )["loss"]
        np.testing.assert_allclose(both, half, rtol=1e-5)

    def test_08_regularisation_of_the_student_counts(self):
        student = support.dense(4, bias_regularizer=keras.regularizers.L1(1.0))
        student.get_layer("head").bias.assign([1.0, -2.0, 3.0])
        distiller = support.distiller(student=student)
        distiller.compile("sgd")
        logs = evaluated(distiller, self.x)
        np.testing.assert_allclose(
            logs["loss"] - logs["soft_targets"], 6.0, rtol=1e-5
        )

    def test_09_two_replicas_give_the_numbers_of_one(self):
        labels = keras.utils.to_categorical(self.y, 3)

        def trained(loss):
            keras.utils.set_random_seed(0)
            distiller = support.distiller()
            distiller.compile(keras.optimizers.SGD(0.1), loss=loss)
            history = distiller.fit(
                self.x, labels, 9, epochs=2, shuffle=False, verbose=0
            ).history
            return support.values(distiller.weights), history

        # Neither a string nor a function knows the number of replicas.
        for loss in ("mse", keras.losses.mean_squared_error):
            one, logs = trained(loss)
            with two_replicas().scope():
                two, logs_of_two = trained(loss)
            self.assertLess(support.largest_difference(one, two), 1e-6)
            for key, value in logs.items():
                np.testing.assert_allclose(logs_of_two[key], value, 1e-5)

    def test_10_weights_of_a_loss_are_trained(self):
        hint = losses.Hint(teacher_tap="hidden", student_tap="hidden")
        distiller = support.distiller([hint, losses.SoftTargets()])
        distiller.compile("sgd")
        before = support.values(hint.trainable_weights)
        distiller.fit(self.x, verbose=0)
        after = support.values(hint.trainable_weights)
        self.assertLen(after, 2)
        self.assertGreater(support.largest_difference(before, after), 0)

    def test_11_features_of_unequal_sizes_are_compared(self):
        match = losses.Match(
            loss=keras.losses.CosineSimilarity(),
            projector="infer",
            teacher_tap="hidden",
            student_tap="hidden",
        )
        distiller = support.distiller(match)
        distiller.compile("sgd")
        # A cosine, with Keras's sign.
        self.assertBetween(evaluated(distiller, self.x)["loss"], -1, 1)


if __name__ == "__main__":
    absltest.main()
