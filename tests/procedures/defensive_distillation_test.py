"""Both stages against NumPy: the temperature in each, and what it does."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import procedures
from tests import reference
from tests import support

X, Y = support.data()
ONE_HOT = np.eye(3)[Y]


def linear(initializer="glorot_uniform"):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(
                3, use_bias=False, kernel_initializer=initializer
            ),
        ]
    )


class Recording:
    """Builds linear networks and remembers their initial kernels."""

    def __init__(self, initializer="glorot_uniform"):
        self.initializer = initializer
        self.kernels = []

    def __call__(self):
        made = linear(self.initializer)
        self.kernels.append(np.float64(made.get_weights()[0]))
        return made


def run(rate=0.5, **kwargs):
    return procedures.defensive_distillation(
        **{
            "build_network": linear,
            "data": (X, Y),
            "epochs": 1,
            "batch_size": len(X),
            "optimizer": keras.optimizers.SGD(rate),
            "verbose": 0,
        }
        | kwargs
    )


def step(kernel, targets, temperature, rate):
    """A step down the mean cross-entropy of `softmax(x @ kernel / T)`.

    The gradient of the cross-entropy by the logits is (p - targets) / T.
    """
    x = np.float64(X)
    p = reference.softmax(x @ kernel, temperature)
    return kernel - rate * x.T @ (p - targets) / temperature / len(x)


@support.eager_tests
class StagesOfDefensiveDistillationTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)

    @parameterized.parameters(1.0, 20.0)
    def test_both_networks_are_trained_at_the_temperature(self, temperature):
        build, rate = Recording(), 0.5 * temperature
        result = run(rate, build_network=build, temperature=temperature)
        taught = step(build.kernels[0], ONE_HOT, temperature, rate)
        np.testing.assert_allclose(
            result.teacher.get_weights()[0], taught, rtol=1e-4, atol=1e-6
        )
        answers = reference.softmax(np.float64(X) @ taught, temperature)
        np.testing.assert_allclose(
            result.student.get_weights()[0],
            step(build.kernels[1], answers, temperature, rate),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_losses_are_those_of_the_paper(self):
        build = Recording()
        histories = run(
            0.0, build_network=build, temperature=5.0, batch_size=7
        ).histories
        first, second = (np.float64(X) @ kernel for kernel in build.kernels)
        of_labels = -np.sum(ONE_HOT * reference.log_softmax(first, 5.0), -1)
        np.testing.assert_allclose(
            histories["teacher"]["loss"], [of_labels.mean()], rtol=1e-5
        )
        # The cross-entropy with soft labels, less what no student can change.
        of_answers = reference.kl_divergence(first / 5.0, second / 5.0)
        np.testing.assert_allclose(
            histories["student"]["loss"], [of_answers.mean()], rtol=1e-4
        )

    def test_accuracy_is_that_of_the_labels(self):
        result = run(0.0, temperature=5.0)
        for name in ("teacher", "student"):
            model = getattr(result, name)
            choices = model.predict(X, verbose=0).argmax(-1)
            self.assertAlmostEqual(
                result.histories[name]["accuracy"][0],
                np.mean(choices == Y),
                places=6,
            )

    def test_labels_may_be_one_hot(self):
        keras.utils.set_random_seed(0)
        expected = run().student.get_weights()[0]
        keras.utils.set_random_seed(0)
        actual = run(data=(X, ONE_HOT.astype("float32"))).student
        np.testing.assert_allclose(actual.get_weights()[0], expected, rtol=1e-5)

    def test_the_student_begins_with_weights_of_its_own(self):
        result = run(0.0)
        difference = support.largest_difference(
            result.teacher.get_weights(), result.student.get_weights()
        )
        self.assertGreater(difference, 0.1)


@pytest.mark.slow
class EffectTest(absltest.TestCase):
    """What the defence rests on, and all that there is to it.

    With V = W / T, softmax(x W / T) = softmax(x V), and a step of rate T^2 r on
    W is one of rate r on V: from W = 0, training at T gives T times the logits
    of training at 1, step by step, for the teacher and so for the student.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plain, cls.hot = (
            run(
                0.5 * temperature**2,
                build_network=lambda: linear("zeros"),
                temperature=temperature,
                epochs=30,
            ).student.predict(X, verbose=0)
            for temperature in (1.0, 50.0)
        )

    def test_logits_grow_by_the_temperature(self):
        self.assertGreater(np.abs(self.plain).max(), 0.5)
        np.testing.assert_allclose(
            self.hot, 50 * self.plain, rtol=1e-3, atol=1e-3
        )

    def test_gradients_of_probabilities_vanish_at_temperature_one(self):
        # dp_j/dz_k = p_j (delta_jk - p_k): between 0 and 1/4 in size.
        sizes = []
        for logits in (self.plain, self.hot):
            p = reference.softmax(logits)
            sizes.append(np.median(p[:, 0] * (1 - p[:, 0])))
        self.assertGreater(sizes[0], 0.05)
        self.assertLess(sizes[1], sizes[0] / 100)


class RefusalTest(parameterized.TestCase):
    @parameterized.parameters(0.0, -1.0, float("nan"), "hot")
    def test_rejects_temperature(self, temperature):
        with self.assertRaisesRegex(
            ValueError, f"temperature.*from 0.001.*Received.*{temperature}"
        ):
            run(temperature=temperature)

    @parameterized.parameters(0, 1.5)
    def test_rejects_epochs(self, epochs):
        with self.assertRaisesRegex(
            ValueError, f"epochs.*at least 1.*Received: epochs={epochs}"
        ):
            run(epochs=epochs)

    def test_rejects_a_network_in_place_of_a_function(self):
        with self.assertRaisesRegex(
            ValueError, "new network each time.*Received.*share weights"
        ):
            network = linear()
            run(build_network=lambda: network)

    def test_rejects_what_is_no_function(self):
        with self.assertRaisesRegex(TypeError, "function.*Received.*three"):
            run(build_network="three")

    def test_rejects_what_builds_no_model(self):
        with self.assertRaisesRegex(
            TypeError, r"`build_network\(\)` must be a `keras.Model`.*None"
        ):
            run(build_network=lambda: None)

    def test_rejects_probabilities(self):
        with self.assertRaisesRegex(
            ValueError, r"build_network\(\)` must give logits.*probabilities"
        ):
            run(build_network=lambda: support.dense(4, activation="softmax"))


if __name__ == "__main__":
    absltest.main()
