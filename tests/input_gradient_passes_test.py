"""What the passes for input gradients do to the rest of the training step."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from keras import layers
from keras import ops

from keras_kd import losses
from tests import support

X, Y = support.data()


def convolutional(seed=0):
    """A net of everything that images go through, to be differentiated."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(2, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


class PassesTest(absltest.TestCase):
    images = np.random.default_rng(0).normal(size=(len(Y), 4, 4, 1))

    def train(self, losses_, **settings):
        distiller = support.distiller(
            losses_, teacher=convolutional(1), student=convolutional()
        )
        distiller.compile(
            keras.optimizers.SGD(0.1), loss=support.cross_entropy(), **settings
        )
        history = distiller.fit(
            self.images, Y, batch_size=len(Y), epochs=2, verbose=0
        ).history
        return distiller, history

    def moving_means(self, model):
        return [
            ops.convert_to_numpy(layer.moving_mean)
            for layer in model.layers
            if isinstance(layer, layers.BatchNormalization)
        ][:1]

    def test_transfer_runs_the_student_once_and_symmetry_twice(self):
        alone = convolutional()
        alone(self.images, training=True)
        once = self.moving_means(alone)
        alone(self.images[:, :, ::-1], training=True)
        twice = self.moving_means(alone)
        self.assertGreater(support.largest_difference(once, twice), 1e-4)
        for loss, expected in (
            (losses.InputGradientTransfer(), once),
            (losses.InputGradientSymmetry(), twice),
        ):
            distiller = support.distiller(
                loss, teacher=convolutional(1), student=convolutional()
            )
            distiller.compile(keras.optimizers.SGD(0.0))
            distiller.train_on_batch(self.images, Y)
            actual = self.moving_means(distiller.student)
            self.assertLess(support.largest_difference(actual, expected), 1e-6)

    @pytest.mark.slow
    def test_evaluation_changes_no_variable(self):
        distiller, _ = self.train(
            [losses.InputGradientTransfer(), losses.InputGradientSymmetry()]
        )
        before = support.values(distiller.student.variables)
        distiller.evaluate(self.images, Y, verbose=0)
        after = support.values(distiller.student.variables)
        self.assertEqual(support.largest_difference(before, after), 0)

    @pytest.mark.slow
    def test_compiled_by_xla_it_gives_the_same_numbers(self):
        def both():
            return [
                losses.InputGradientTransfer(),
                losses.InputGradientSymmetry(),
            ]

        distillers, histories = zip(
            *(self.train(both(), jit_compile=jit) for jit in (False, True)),
            strict=True,
        )
        for key, values in histories[0].items():
            np.testing.assert_allclose(
                histories[1][key], values, rtol=1e-3, err_msg=key
            )
        weights = [support.values(d.student.weights) for d in distillers]
        self.assertLess(support.largest_difference(*weights), 1e-4)
        start = support.values(convolutional().weights)
        self.assertGreater(support.largest_difference(weights[0], start), 1e-2)

    def test_penalties_are_those_of_the_input_and_not_of_the_view(self):
        student = keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(3, activity_regularizer=keras.regularizers.L2(1)),
            ]
        )
        distiller = support.distiller(
            losses.InputGradientSymmetry(axis=-1), student=student
        )
        distiller.compile("sgd")
        logs = distiller.evaluate(
            X, Y, batch_size=len(Y), return_dict=True, verbose=0
        )
        penalty = np.square(student(X)).sum() / len(X)
        flipped = np.square(student(X[:, ::-1])).sum() / len(X)
        self.assertGreater(abs(penalty - flipped), 1e-2)
        np.testing.assert_allclose(
            logs["loss"] - logs["input_gradient_symmetry"], penalty, rtol=1e-4
        )

    @pytest.mark.slow
    def test_goes_on_after_saving(self):
        distiller, _ = self.train(
            [losses.InputGradientTransfer(), losses.InputGradientSymmetry()]
        )
        path = support.folder(self) / "distiller.keras"
        distiller.save(path)
        loaded = keras.saving.load_model(path)
        for model in (distiller, loaded):
            model.train_on_batch(self.images, Y)
        weights = [
            support.values(d.student.weights) for d in (distiller, loaded)
        ]
        self.assertLess(support.largest_difference(*weights), 1e-6)

    def test_a_loss_serves_only_one_shape_of_input(self):
        loss = losses.InputGradientTransfer()
        support.distiller(loss)
        with self.assertRaisesRegex(
            ValueError, "must be used for the shapes it was built for"
        ):
            support.distiller(
                loss,
                teacher=support.dense(4, features=5),
                student=support.dense(4, features=5),
            )


if __name__ == "__main__":
    absltest.main()
