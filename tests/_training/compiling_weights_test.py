"""Sample weights of data without labels."""

import inspect

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

WEIGHTS = np.array([0.0, 1.0, 2.0, 0.5, 0.0, 0.0, 3.0, 1.0], "float32")


def made(**kwargs):
    distiller = support.distiller(**kwargs)
    distiller.compile(keras.optimizers.SGD(0.1))
    return distiller


def wanted(distiller, x):
    """The weighted divergences over the number of examples, in float64."""
    teacher, student = (
        reference.float64(model(x).numpy())
        for model in (distiller.teacher, distiller.student)
    )
    values = reference.soft_targets(teacher, student, 2.0)
    return (WEIGHTS * values).mean()


def as_arrays(x):
    return {"x": x, "sample_weight": WEIGHTS, "batch_size": len(x)}


def as_data_set(x):
    data = tf.data.Dataset.from_tensor_slices((x, WEIGHTS))
    return {"x": data.map(lambda x, w: (x, None, w)).batch(len(x))}


@support.eager_tests(but=("test_on_two_replicas",))
class UnlabelledWeightsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.x, _ = support.data(8)

    @parameterized.parameters(as_arrays, as_data_set)
    def test_count_in_evaluate(self, given):
        distiller = made()
        logs = distiller.evaluate(**given(self.x), verbose=0, return_dict=True)
        expected = wanted(distiller, self.x)
        np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)

    @parameterized.parameters(as_arrays, as_data_set)
    def test_count_in_fit(self, given):
        distiller = made()
        expected = wanted(distiller, self.x)
        history = distiller.fit(**given(self.x), verbose=0).history
        np.testing.assert_allclose(history["loss"], [expected], rtol=1e-5)

    def test_of_zero_move_nothing(self):
        distiller = made()
        before = support.values(distiller.student.weights)
        distiller.fit(self.x, sample_weight=np.zeros(8), verbose=0)
        after = support.values(distiller.student.weights)
        self.assertEqual(support.largest_difference(before, after), 0)

    def test_count_in_single_batches(self):
        distiller = made()
        expected = wanted(distiller, self.x)
        for call in (distiller.test_on_batch, distiller.train_on_batch):
            logs = call(self.x, sample_weight=WEIGHTS, return_dict=True)
            np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)

    @parameterized.parameters(tuple, list)
    def test_of_validation_data_count(self, kind):
        distiller = made()
        distiller.optimizer.learning_rate = 0.0
        history = distiller.fit(
            self.x, validation_data=kind((self.x, None, WEIGHTS)), verbose=0
        ).history
        expected = wanted(distiller, self.x)
        np.testing.assert_allclose(history["val_loss"], [expected], rtol=1e-5)

    def test_follow_a_split_of_the_data(self):
        distiller = made()
        distiller.optimizer.learning_rate = 0.0
        history = distiller.fit(
            self.x, sample_weight=WEIGHTS, validation_split=0.5, verbose=0
        ).history
        both = history["loss"][0] + history["val_loss"][0]
        expected = 2 * wanted(distiller, self.x)
        np.testing.assert_allclose(both, expected, rtol=1e-5)

    @pytest.mark.slow
    def test_on_two_replicas(self):
        with two_replicas().scope():
            distiller = made()
        logs = distiller.evaluate(
            **as_arrays(self.x), verbose=0, return_dict=True
        )
        expected = wanted(distiller, self.x)
        np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)

    def test_of_a_dict_input(self):
        inputs = {"a": keras.Input((4,), name="a")}
        nets = [
            keras.Model(inputs, keras.layers.Dense(3)(inputs["a"]))
            for _ in range(2)
        ]
        distiller = made(teacher=nets[0], student=nets[1])
        logs = distiller.evaluate(
            {"a": self.x}, sample_weight=WEIGHTS, verbose=0, return_dict=True
        )
        expected = wanted(distiller, {"a": self.x})
        np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)

    def test_peers_learn_with_them(self):
        distiller = keras_kd.MutualDistiller(
            peers=[support.dense(4, name="a"), support.dense(5, name="b")],
            distillation_losses=keras_kd.losses.SoftTargets(2.0),
        )
        distiller.compile("sgd")
        logs = distiller.evaluate(
            self.x, sample_weight=WEIGHTS, verbose=0, return_dict=True
        )
        student, teacher = (
            reference.float64(peer(self.x).numpy()) for peer in distiller.peers
        )
        values = reference.soft_targets(teacher, student, 2.0)
        np.testing.assert_allclose(
            logs["peer_0_soft_targets"], (WEIGHTS * values).mean(), rtol=1e-5
        )

    def test_beside_a_data_set_are_refused_as_in_keras(self):
        with self.assertRaisesRegex(ValueError, "sample_weight"):
            made().fit(
                tf.data.Dataset.from_tensors(self.x), sample_weight=WEIGHTS
            )

    def test_the_signatures_are_those_of_keras(self):
        for name in ("fit", "evaluate"):
            self.assertEqual(
                inspect.signature(getattr(keras_kd.Distiller, name)),
                inspect.signature(getattr(keras.Model, name)),
            )


if __name__ == "__main__":
    absltest.main()
