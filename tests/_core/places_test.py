"""Taps that are what a layer was called with."""

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd._core.tapped_model import TappedModel
from tests import support
from tests.mechanisms import split_net


def before_relu(model, x):
    """What the layer `relu` of `split_net` gets."""
    kernel, bias = model.get_layer("hidden").get_weights()
    return np.asarray(x, "float64") @ kernel + bias


class LayerInputTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.x, _ = support.data()

    def tapped(self, model, tap, x=None):
        _, tensors = TappedModel(model, [tap], "student")(
            self.x if x is None else x, training=False
        )
        return keras.ops.convert_to_numpy(tensors[tap])

    def refuse(self, model, tap, pattern):
        with self.assertRaisesRegex(ValueError, pattern):
            TappedModel(model, [tap], "student")

    def test_comes_before_the_activation(self):
        model = split_net(5, "net")
        expected = before_relu(model, self.x)
        self.assertLess(expected.min(), 0)
        np.testing.assert_allclose(
            self.tapped(model, "relu:input"), expected, rtol=1e-5, atol=1e-6
        )

    def test_is_found_in_a_nested_model(self):
        inner = split_net(5, "inner")
        model = keras.Sequential([keras.Input((4,)), inner])
        np.testing.assert_allclose(
            self.tapped(model, "inner/relu:input"),
            before_relu(inner, self.x),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_keeps_its_mask(self):
        model = keras.Sequential(
            [
                keras.Input((5,), dtype="int32"),
                keras.layers.Embedding(10, 3, mask_zero=True),
                keras.layers.ReLU(name="relu"),
            ]
        )
        tokens = np.array([[1, 2, 0, 0, 0]])
        tapped = TappedModel(model, ["relu:input"])
        _, tensors = tapped(tokens, training=False)
        mask = tensors["relu:input"]._keras_mask
        np.testing.assert_array_equal(mask, tokens != 0)

    def test_is_compared(self):
        distiller = support.distiller(
            keras_kd.losses.Hint(
                teacher_tap="relu:input",
                student_tap="relu:input",
                projector=None,
                name="hint",
            ),
            teacher=split_net(5, "teacher"),
            student=split_net(5, "student"),
        )
        distiller.compile("sgd", run_eagerly=True)
        gap = np.subtract(
            *(
                before_relu(model, self.x)
                for model in (distiller.teacher, distiller.student)
            )
        )
        logs = support.evaluated(distiller, self.x)
        np.testing.assert_allclose(logs["hint"], np.mean(gap**2), rtol=1e-5)

    @pytest.mark.slow
    def test_comes_out_of_a_cache(self):
        teacher = split_net(5, "teacher")
        cached = keras_kd.teachers.cache_teacher(
            teacher,
            self.x,
            support.folder(self) / "cache",
            taps=["relu:input"],
            dtype="float32",
        )
        (batch,) = cached.attach(self.x).batch(len(self.x))
        _, tensors = cached.read(keras_kd.batch.split(batch)[1]["teacher"])
        np.testing.assert_allclose(
            tensors["relu:input"],
            before_relu(teacher, self.x),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_a_fused_activation_says_how_to_split_it(self):
        model = support.dense(5, name="small")
        self.refuse(
            model,
            "hidden:input",
            '"hidden" has both.*student_tap=.hidden:input.*activation=None.*'
            r'Activation\("relu", name="before"\)',
        )
        # As the message says.
        split = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(5, activation=None, name="hidden"),
                keras.layers.Activation("relu", name="before"),
                keras.layers.Dense(3, name="head"),
            ]
        )
        split.set_weights(model.get_weights())
        np.testing.assert_allclose(split(self.x), model(self.x), rtol=1e-6)
        np.testing.assert_allclose(
            self.tapped(split, "before:input"),
            before_relu(model, self.x),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_several_tensors_are_refused(self):
        inputs = keras.Input((4,))
        both = [keras.layers.Dense(3)(inputs), keras.layers.Dense(3)(inputs)]
        model = keras.Model(inputs, keras.layers.Add(name="add")(both))
        self.refuse(model, "add:input", "must get one tensor.*list of 2")

    def test_an_unknown_layer_is_named(self):
        self.refuse(
            split_net(5, "net"), "rellu:input", "'rellu:input'.*are: relu"
        )

    def test_a_layer_in_a_loop_is_refused(self):
        model = keras.Sequential(
            [
                keras.Input((5, 4)),
                keras.layers.TimeDistributed(
                    keras.layers.ReLU(name="relu"), name="each"
                ),
            ]
        )
        self.refuse(model, "each/relu:input", '"each" calls it in each step')


if __name__ == "__main__":
    absltest.main()
