"""The losses of input gradients, beside derivations in NumPy."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd import losses
from tests import reference
from tests import support

X, Y = support.data()
ONE_HOT = np.eye(3)[Y]


def linear(**head):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="head", **head)]
    )


def linear_gradient(model, x):
    """J of a linear softmax model: the kernel times (p - one hot)."""
    kernel, bias = map(np.float64, support.values(model.weights))
    p = reference.softmax(x @ kernel + bias)
    return (p - ONE_HOT) @ kernel.T


def compiled(loss, teacher, student):
    distiller = support.distiller(loss, teacher=teacher, student=student)
    distiller.compile(keras.optimizers.SGD(1.0))
    return distiller


def logged(distiller, *args, **kwargs):
    return distiller.evaluate(
        *args, batch_size=7, return_dict=True, verbose=0, **kwargs
    )


class InputGradientTransferTest(parameterized.TestCase):
    def test_equals_the_derivation_for_linear_models(self):
        teacher, student = linear(), linear()
        distiller = compiled(losses.InputGradientTransfer(), teacher, student)
        gap = linear_gradient(student, X) - linear_gradient(teacher, X)
        expected = np.linalg.norm(gap, axis=1)
        self.assertGreater(expected.min(), 1e-3)
        np.testing.assert_allclose(
            logged(distiller, X, Y)["loss"], expected.mean(), rtol=1e-5
        )
        weights = np.arange(len(Y)) / len(Y)
        np.testing.assert_allclose(
            logged(distiller, X, Y, sample_weight=weights)["loss"],
            np.mean(weights * expected),
            rtol=1e-5,
        )

    def test_the_paper_s_factor_is_the_loss_weight(self):
        # beta / 2 times the norm, with beta = 3.
        distiller = compiled(
            losses.InputGradientTransfer(loss_weight=1.5), linear(), linear()
        )
        logs = logged(distiller, X, Y)
        np.testing.assert_allclose(
            logs["loss"], 1.5 * logs["input_gradient_transfer"], rtol=1e-6
        )

    def test_is_over_all_of_an_image(self):
        rng = np.random.default_rng(0)
        theirs, ours = rng.normal(size=(2, 5, 4, 3, 2))
        value = losses.InputGradientTransfer()(
            np.zeros((5, 3)),
            np.zeros((5, 3)),
            teacher_input_gradient=theirs,
            student_input_gradient=ours,
        )
        expected = np.sqrt(np.square(ours - theirs).sum(axis=(1, 2, 3)))
        np.testing.assert_allclose(value, expected, rtol=1e-6)

    def test_is_over_all_entries_of_an_input(self):
        value = losses.InputGradientTransfer()(
            np.zeros((1, 3)),
            np.zeros((1, 3)),
            teacher_input_gradient={
                "a": np.zeros((1, 2)),
                "b": np.zeros((1, 1)),
            },
            student_input_gradient={
                "a": np.array([[2.0, 3.0]]),
                "b": np.array([[6.0]]),
            },
        )
        # 4 + 9 + 36 = 49.
        np.testing.assert_allclose(value, [7], rtol=1e-6)

    @parameterized.parameters("tanh", "softplus")
    def test_training_follows_the_gradient_of_the_loss(self, activation):
        teacher, student = (smooth_net(activation, seed) for seed in range(2))
        target = smooth_gradient(activation, support.values(teacher.weights), X)

        def loss(weights):
            gap = smooth_gradient(activation, weights, X) - target
            return np.linalg.norm(gap, axis=1).mean()

        assert_follows(
            self,
            losses.InputGradientTransfer(dtype="float64"),
            teacher,
            student,
            loss,
        )

    def test_equal_models_have_no_loss_and_stay(self):
        teacher = support.dense(5)
        student = keras.models.clone_model(teacher)
        student.set_weights(teacher.get_weights())
        distiller = compiled(losses.InputGradientTransfer(), teacher, student)
        logs = distiller.train_on_batch(X, Y, return_dict=True)
        self.assertEqual(logs["loss"], 0)
        for ours, theirs in zip(
            student.get_weights(), teacher.get_weights(), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)

    def test_the_teacher_is_in_inference_mode(self):
        teacher = linear()
        noisy = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dropout(0.9), *teacher.layers]
        )
        student = linear()
        distiller = compiled(losses.InputGradientTransfer(), noisy, student)
        gap = linear_gradient(student, X) - linear_gradient(teacher, X)
        logs = distiller.train_on_batch(X, Y, return_dict=True)
        np.testing.assert_allclose(
            logs["loss"], np.linalg.norm(gap, axis=1).mean(), rtol=1e-5
        )

    def test_rejects_inputs_of_different_shapes(self):
        def model(size, name):
            return keras_kd.models.small_convnet((size, size, 1), 3, (2,), name)

        with self.assertRaisesRegex(
            ValueError,
            r"must have inputs of one shape.*Received: \(None, 8, 8, 1\) for "
            r"the teacher and \(None, 4, 4, 1\) for the student. Resize",
        ):
            support.distiller(
                losses.InputGradientTransfer(),
                teacher=model(8, "teacher"),
                student=model(4, "student"),
                teacher_inputs="large",
                student_inputs="small",
            )

    def test_rejects_probabilities(self):
        with self.assertRaisesRegex(ValueError, "must compare logits"):
            compiled(
                losses.InputGradientTransfer(),
                linear(),
                linear(activation="softmax"),
            )


class InputGradientSymmetryTest(parameterized.TestCase):
    def test_equals_the_derivation_for_a_linear_model(self):
        student = linear()
        distiller = compiled(
            losses.InputGradientSymmetry(axis=-1), linear(), student
        )
        gap = (
            linear_gradient(student, X)
            - linear_gradient(student, X[:, ::-1])[:, ::-1]
        )
        np.testing.assert_allclose(
            logged(distiller, X, Y)["loss"],
            np.linalg.norm(gap, axis=1).mean(),
            rtol=1e-5,
        )

    def test_flips_the_width_of_images(self):
        rng = np.random.default_rng(0)
        gradient, of_view = rng.normal(size=(2, 5, 4, 3, 2))
        value = losses.InputGradientSymmetry()(
            np.zeros((5, 3)),
            np.zeros((5, 3)),
            student_input_gradient=gradient,
            student_input_gradient_of_view=of_view,
        )
        gap = gradient - of_view[:, :, ::-1]
        np.testing.assert_allclose(
            value, np.sqrt(np.square(gap).sum(axis=(1, 2, 3))), rtol=1e-6
        )
        images = rng.normal(size=(2, 4, 3, 2))
        np.testing.assert_array_equal(
            losses.InputGradientSymmetry().input_view(images),
            images[:, :, ::-1],
        )

    def test_a_symmetric_model_has_no_loss(self):
        # A model of the mean over the width sees no flip.
        student = keras.Sequential(
            [
                keras.Input((2, 6, 3)),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(4, activation="tanh"),
                keras.layers.Dense(3),
            ]
        )
        teacher = keras_kd.models.small_convnet((2, 6, 3), 3, (2,))
        distiller = compiled(losses.InputGradientSymmetry(), teacher, student)
        x = np.random.default_rng(0).normal(size=(len(Y), 2, 6, 3))
        self.assertLess(logged(distiller, x, Y)["loss"], 1e-6)

    def test_training_follows_the_gradient_of_the_loss(self):
        teacher, student = (smooth_net("tanh", seed) for seed in range(2))

        def loss(weights):
            gap = (
                smooth_gradient("tanh", weights, X)
                - smooth_gradient("tanh", weights, X[:, ::-1])[:, ::-1]
            )
            return np.linalg.norm(gap, axis=1).mean()

        assert_follows(
            self,
            losses.InputGradientSymmetry(axis=1, dtype="float64"),
            teacher,
            student,
            loss,
        )

    @parameterized.parameters(0, 1.0, True, None, "width")
    def test_rejects_what_is_no_axis(self, axis):
        with self.assertRaisesRegex(
            ValueError, f"`axis` must be an integer other.*axis={axis!r}"
        ):
            losses.InputGradientSymmetry(axis=axis)

    @parameterized.parameters(-2, 2)
    def test_rejects_an_axis_that_the_input_lacks(self, axis):
        with self.assertRaisesRegex(
            ValueError,
            rf"behind the batch.*axis={axis} for an input of shape.*, 4\)",
        ):
            compiled(losses.InputGradientSymmetry(axis), linear(), linear())


def smooth_net(activation, seed):
    """A net of float64 whose every derivative is continuous."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((4,), dtype="float64"),
            keras.layers.Dense(5, activation=activation, dtype="float64"),
            keras.layers.Dense(3, dtype="float64"),
        ]
    )


def smooth_gradient(activation, weights, x):
    """J of `smooth_net` by the chain rule."""
    first, first_bias, second, second_bias = weights
    before = x @ first + first_bias
    if activation == "tanh":
        hidden, slope = np.tanh(before), 1 - np.tanh(before) ** 2
    else:
        hidden, slope = np.logaddexp(0, before), reference.sigmoid(before)
    p = reference.softmax(hidden @ second + second_bias)
    return ((p - ONE_HOT) @ second.T * slope) @ first.T


def assert_follows(test, loss, teacher, student, function):
    """A step of rate 1 goes down the central differences of a function."""
    distiller = compiled(loss, teacher, student)
    before = support.values(student.weights)
    logs = distiller.train_on_batch(X, Y, return_dict=True)
    np.testing.assert_allclose(logs["loss"], function(before), rtol=1e-6)
    steps = map(np.subtract, before, support.values(student.weights))
    for index, step in enumerate(steps):
        test.assertGreater(np.abs(step).max(), 0)
        for place in np.ndindex(step.shape):
            high, low = ([w.copy() for w in before] for _ in range(2))
            high[index][place] += 1e-5
            low[index][place] -= 1e-5
            np.testing.assert_allclose(
                step[place],
                (function(high) - function(low)) / 2e-5,
                rtol=1e-5,
                atol=1e-8,
            )


if __name__ == "__main__":
    absltest.main()
