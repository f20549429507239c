"""What a pass would give: names of outputs, shapes, errors."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from keras import layers
from keras import ops

from keras_kd._core import tapped_model
from tests import support

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def tapped(model, *names):
    return tapped_model.TappedModel(model, names)(X, training=False)[1]


class OutputsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.x = keras.Input((4,))
        self.color = layers.Dense(3, name="hue")(self.x)
        self.shape = layers.Dense(2, name="form")(self.x)

    def test_keys_name_the_outputs_of_a_dict(self):
        model = keras.Model(self.x, {"color": self.color, "shape": self.shape})
        self.assertEqual(tapped_model.output_names(model), ("color", "shape"))
        tensors = tapped(model, "color", "form")
        np.testing.assert_array_equal(tensors["color"], model(X)["color"])
        np.testing.assert_array_equal(tensors["form"], model(X)["shape"])

    def test_layers_name_the_outputs_of_a_list(self):
        model = keras.Model(self.x, [self.color, self.shape])
        self.assertEqual(tapped_model.output_names(model), ("hue", "form"))
        np.testing.assert_array_equal(
            tapped(model, "form")["form"], model(X)[1]
        )

    def test_one_output_has_no_name(self):
        self.assertEqual(tapped_model.output_names(support.dense(2)), ())
        for output in (self.color, [self.color]):
            model = keras.Model(self.x, output)
            self.assertEqual(tapped_model.output_names(model), ())
            self.assertEqual(tapped(model, None)[None].shape, (6, 3))

    def test_outputs_of_subclassed_models_are_numbered(self):
        class Two(keras.Model):
            def call(self, x):
                return x, 2 * x

        model = Two()
        model(X)
        self.assertEqual(
            tapped_model.output_names(model), ("output_0", "output_1")
        )
        np.testing.assert_array_equal(
            tapped(model, "output_1")["output_1"], 2 * X
        )

    def test_outputs_of_subclassed_models_have_their_keys(self):
        class Two(keras.Model):
            def call(self, x):
                return {"once": x, "twice": 2 * x}

        model = Two()
        model(X)
        self.assertEqual(tapped_model.output_names(model), ("once", "twice"))
        np.testing.assert_array_equal(tapped(model, "twice")["twice"], 2 * X)


class SymbolicTest(absltest.TestCase):
    def shapes(self, model, *names):
        _, tensors = tapped_model.TappedModel(model, names).symbolic()
        return {name: tuple(one.shape) for name, one in tensors.items()}

    def test_shows_the_shapes_at_all_taps(self):
        self.assertEqual(
            self.shapes(support.dense(5), "hidden", None),
            {"hidden": (None, 5), None: (None, 3)},
        )

    def test_keeps_unknown_lengths(self):
        x = keras.Input((None, None, 3))
        model = keras.Model(x, layers.Conv2D(2, 3, name="conv")(x))
        self.assertEqual(
            self.shapes(model, "conv"), {"conv": (None, None, None, 2)}
        )

    def test_forgets_the_first_batch_of_a_subclassed_model(self):
        class Sum(keras.Model):
            def __init__(self):
                super().__init__()
                self.left = layers.Dense(3)

            def call(self, x):
                return self.left(x["a"]) + x["b"]

        model = Sum()
        model({"a": X, "b": X[:, :3]})
        self.assertEqual(self.shapes(model, "left"), {"left": (None, 3)})

    def test_takes_lists_of_inputs(self):
        class Pair(keras.Model):
            def __init__(self):
                super().__init__()
                self.joined = layers.Concatenate()

            def call(self, x):
                return self.joined(x)

        model = Pair()
        model([X, X[:, :1]])
        self.assertEqual(self.shapes(model, "joined"), {"joined": (None, 5)})

    def test_takes_integers(self):
        class Embedded(keras.Model):
            def __init__(self):
                super().__init__()
                self.table = layers.Embedding(9, 2)

            def call(self, tokens):
                return self.table(tokens) + ops.one_hot(tokens, 2)

        model = Embedded()
        model(np.zeros((2, 5), "int32"))
        self.assertEqual(self.shapes(model, "table"), {"table": (None, 5, 2)})

    def test_takes_a_model_without_an_input_layer(self):
        model = keras.Sequential([layers.Dense(2, name="head")])
        model.build((None, 4))
        self.assertEqual(self.shapes(model, "head"), {"head": (None, 2)})

    def test_an_error_of_the_model_is_its_own(self):
        class Broken(keras.Model):
            def call(self, x):
                if isinstance(x, tf.Tensor) and not tf.executing_eagerly():
                    raise OSError("of the model")
                return x

        model = Broken()
        model(X)
        with self.assertRaisesRegex(OSError, "of the model") as caught:
            tapped_model.TappedModel(model, ["x"])
        self.assertNotIn("compute_output_spec", str(caught.exception))


if __name__ == "__main__":
    absltest.main()
