"""Input gradients, as a Distiller serves them to any loss that asks."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

from keras_kd import losses
from tests import support

X, Y = support.data()


class Four(losses.DistillationLoss):
    """Keeps all gradients that there are, of a sum of squares."""

    needs = (
        "teacher_input_gradient",
        "student_input_gradient",
        "teacher_input_gradient_of_view",
        "student_input_gradient_of_view",
    )

    def input_objective(self, output, labels):
        return ops.sum(output**2, axis=-1)

    def input_view(self, x):
        return 3 * x

    def call(
        self,
        teacher,
        student,
        teacher_input_gradient,
        student_input_gradient,
        teacher_input_gradient_of_view,
        student_input_gradient_of_view,
    ):
        self.seen = (
            teacher_input_gradient,
            student_input_gradient,
            teacher_input_gradient_of_view,
            student_input_gradient_of_view,
        )
        return ops.sum(student_input_gradient, axis=-1)


def gradient(model, x, labels=Y, of=None):
    """The gradient of a model's own cross-entropy, by a tape of its own."""
    x = tf.constant(x, "float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model(x) if of is None else of(model(x))
        total = tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        )
    return np.asarray(tape.gradient(total, x))


def norms(tensor):
    return np.linalg.norm(tensor.reshape(len(tensor), -1), axis=1)


def evaluated(distiller, x, y=Y):
    distiller.compile("sgd")
    return distiller.evaluate(
        x, y, batch_size=len(Y), return_dict=True, verbose=0
    )


class ServedTest(parameterized.TestCase):
    def test_both_models_at_the_input_and_at_the_view(self):
        loss = Four()
        distiller = support.distiller(loss)
        distiller.compile("sgd", run_eagerly=True)
        distiller.evaluate(X, batch_size=len(X), verbose=0)
        places = [
            (model, x)
            for x in (X, 3 * X)
            for model in (distiller.teacher, distiller.student)
        ]
        for actual, (model, place) in zip(loss.seen, places, strict=True):
            x = tf.constant(place)
            with tf.GradientTape() as tape:
                tape.watch(x)
                total = tf.reduce_sum(model(x) ** 2)
            np.testing.assert_allclose(
                actual, tape.gradient(total, x), rtol=1e-5, atol=1e-6
            )

    def test_bytes_are_differentiated_as_the_numbers_they_are(self):
        images = np.random.default_rng(0).integers(
            0, 256, (len(Y), 4, 4, 1), "uint8"
        )

        def model(units):
            return keras.Sequential(
                [
                    keras.Input((4, 4, 1)),
                    layers.Rescaling(1 / 255),
                    layers.Flatten(),
                    layers.Dense(units, activation="tanh"),
                    layers.Dense(3),
                ]
            )

        distiller = support.distiller(
            losses.InputGradientTransfer(), teacher=model(5), student=model(4)
        )
        gap = gradient(distiller.student, images) - gradient(
            distiller.teacher, images
        )
        self.assertGreater(norms(gap).min(), 0)
        data = tf.data.Dataset.from_tensor_slices((images, Y)).batch(len(Y))
        np.testing.assert_allclose(
            evaluated(distiller, data, None)["loss"],
            norms(gap).mean(),
            # The rounded tip of the norm is 1e-7 wide.
            rtol=1e-5,
            atol=1e-7,
        )

    def test_each_model_has_its_own_entry(self):
        distiller = support.distiller(
            losses.InputGradientTransfer(),
            teacher_inputs="clean",
            student_inputs="noisy",
        )
        gap = gradient(distiller.student, X[::-1]) - gradient(
            distiller.teacher, X
        )
        np.testing.assert_allclose(
            evaluated(distiller, {"clean": X, "noisy": X[::-1]})["loss"],
            norms(gap).mean(),
            rtol=1e-5,
        )

    def test_integers_beside_reals_have_zeros(self):
        def model(width):
            x = keras.Input((4,), name="x")
            word = keras.Input((1,), dtype="int32", name="word")
            embedded = layers.Flatten()(layers.Embedding(5, width)(word))
            hidden = layers.Dense(width, activation="tanh")(x)
            logits = layers.Dense(3)(layers.Add()([hidden, embedded]))
            return keras.Model({"x": x, "word": word}, logits)

        distiller = support.distiller(
            losses.InputGradientTransfer(), teacher=model(4), student=model(3)
        )
        words = tf.range(len(Y))[:, None] % 5
        gap = [
            gradient(lambda x, m=m: m({"x": x, "word": words}), X)
            for m in (distiller.student, distiller.teacher)
        ]
        np.testing.assert_allclose(
            evaluated(distiller, {"x": X, "word": words})["loss"],
            norms(gap[0] - gap[1]).mean(),
            rtol=1e-5,
        )

    def test_a_tap_chooses_one_of_several_outputs_and_its_labels(self):
        def model():
            x = keras.Input((4,))
            hidden = layers.Dense(5, activation="tanh")(x)
            heads = {name: layers.Dense(3)(hidden) for name in ("one", "two")}
            return keras.Model(x, heads)

        distiller = support.distiller(
            losses.InputGradientTransfer(teacher_tap="two", student_tap="two"),
            teacher=model(),
            student=model(),
        )
        gap = [
            gradient(m, X, of=lambda outputs: outputs["two"])
            for m in (distiller.student, distiller.teacher)
        ]
        np.testing.assert_allclose(
            evaluated(distiller, X, {"one": 0 * Y, "two": Y})["loss"],
            norms(gap[0] - gap[1]).mean(),
            rtol=1e-5,
        )

    def test_one_hot_labels_mean_the_same(self):
        distiller = support.distiller(losses.InputGradientTransfer())
        numbers = evaluated(distiller, X)["loss"]
        one_hot = evaluated(distiller, X, np.eye(3, dtype="float32")[Y])
        np.testing.assert_allclose(one_hot["loss"], numbers, rtol=1e-6)

    def test_an_ignored_label_counts_nothing(self):
        distiller = support.distiller(losses.InputGradientTransfer())
        expected = evaluated(distiller, X[:12], Y[:12])["loss"]
        ignored = np.where(np.arange(len(Y)) < 12, Y, -1)
        distiller.compile("sgd", loss=support.cross_entropy(ignore_class=-1))
        logs = distiller.evaluate(
            X, ignored, batch_size=len(Y), return_dict=True, verbose=0
        )
        np.testing.assert_allclose(
            logs["input_gradient_transfer"], expected, rtol=1e-5
        )

    def test_rejects_data_without_labels(self):
        distiller = support.distiller(losses.InputGradientTransfer())
        distiller.compile("sgd")
        with self.assertRaisesRegex(
            ValueError, "must have labels.*'input_gradient_transfer'.*=None"
        ):
            distiller.fit(X, verbose=0)

    def test_rejects_a_model_of_integers(self):
        def tagger():
            return keras.Sequential(
                [
                    keras.Input((4,), dtype="int32"),
                    layers.Embedding(5, 2),
                    layers.Flatten(),
                    layers.Dense(3),
                ]
            )

        with self.assertRaisesRegex(
            ValueError, "teacher must take real numbers.*with inputs of int32"
        ):
            support.distiller(
                losses.InputGradientTransfer(),
                teacher=tagger(),
                student=tagger(),
            )

    def test_rejects_a_loss_without_its_view(self):
        class Blind(losses.DistillationLoss):
            needs = ("student_input_gradient_of_view",)

            def call(self, teacher, student, student_input_gradient_of_view):
                return ops.sum(student_input_gradient_of_view, axis=-1)

        with self.assertRaisesRegex(
            NotImplementedError, "Blind must implement `input_view"
        ):
            support.distiller(Blind())


if __name__ == "__main__":
    absltest.main()
