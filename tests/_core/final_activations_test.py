"""Ends of models that `teachers.logits` refuses, and what is no end."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

from keras_kd._core import tapped_model
from keras_kd._core.final_activations import final_activations
from keras_kd._core.final_activations import gives_probabilities
from keras_kd.teachers import logits

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def ending_in(*end):
    return keras.Sequential([keras.Input((4,)), *end])


def two(yes):
    """Probabilities of two classes."""
    return ops.concatenate([yes, 1 - yes], axis=-1)


def subclassed(function):
    """A model that calls a function itself at its end."""

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__(name="subclassed")
            self.head = layers.Dense(3)

        def call(self, x):
            return function(self.head(x))

    model = Subclassed()
    model(X)
    return model


class FindTest(absltest.TestCase):
    def test_finds_the_layer_at_the_end(self):
        inner = layers.Dense(4, activation="softmax")
        last = layers.Dense(3, activation="softmax")
        found = final_activations(ending_in(inner, layers.Dense(4), last))
        self.assertEqual(found.layers, [last])
        self.assertEmpty(found.others)

    def test_tells_which_output_no_layer_makes(self):
        x = keras.Input((4,))
        last = layers.Dense(3, activation="softmax", name="by_layer")
        model = keras.Model(
            x, {"a": last(x), "b": ops.softmax(x), "c": layers.Dense(2)(x)}
        )
        found = final_activations(model)
        self.assertEqual(found.layers, [last])
        self.assertEqual(found.others, ["b"])


class GivesProbabilitiesTest(parameterized.TestCase):
    def gives(self, model, tap=None, **kwargs):
        tapped = tapped_model.TappedModel(model, [tap], **kwargs)
        return gives_probabilities(tapped, tap)

    @parameterized.named_parameters(
        ("softmax", ops.softmax),
        ("sigmoid", ops.sigmoid),
        ("reshaped", lambda x: ops.reshape(ops.sigmoid(x), (-1, 3, 1))),
        ("by_hand", lambda x: ops.exp(x) / ops.sum(ops.exp(x), -1, True)),
        ("exponential", lambda x: ops.exp(ops.log_softmax(x))),
        ("average", lambda x: (ops.softmax(x) + ops.softmax(2 * x)) / 2),
        ("gated", lambda x: 0.3 * ops.softmax(x) + 0.7 * ops.softmax(-x)),
        ("confused", lambda x: ops.softmax(x) @ ops.full((3, 3), 1 / 3)),
        ("pooled", lambda x: ops.mean(ops.softmax(x[:, None]), axis=1)),
        ("shares", lambda x: ops.square(x) / ops.sum(ops.square(x), -1, True)),
        ("of_two", lambda x: two(ops.sigmoid(x[:, :1]))),
        ("inside_a_function", tf.function(lambda x: ops.softmax(x))),
    )
    def test_sees_probabilities(self, function):
        self.assertTrue(self.gives(subclassed(function)))

    @parameterized.named_parameters(
        ("logits", lambda x: x),
        ("relu", ops.relu),
        ("log_softmax", ops.log_softmax),
        ("mixture", lambda x: 2 * ops.softmax(x)),
    )
    def test_sees_other_numbers(self, function):
        self.assertFalse(self.gives(subclassed(function)))

    @parameterized.named_parameters(
        ("softmax", ops.softmax),
        ("by_hand", lambda x: ops.exp(x) / ops.sum(ops.exp(x), -1, True)),
    )
    def test_sees_probabilities_to_which_zeros_are_added(self, function):
        class Shifted(layers.Layer):
            def build(self, shape):
                self.shift = self.add_weight(shape=(3,), initializer="zeros")

            def call(self, x):
                return function(x) + self.shift

        model = ending_in(layers.Dense(3), Shifted())
        self.assertTrue(self.gives(model))
        model.layers[-1].shift.assign([1.0, 0.0, 0.0])
        self.assertFalse(self.gives(model))

    @parameterized.named_parameters(
        ("dense", (4,), layers.Dense(3)),
        ("of_positions", (5, 4), layers.Dense(3)),
        ("separable", (5, 5, 4), layers.SeparableConv2D(3, 1)),
        ("convolved", (5, 4), layers.Conv1D(3, 1)),
        ("convolved_in_space", (5, 5, 5, 4), layers.Conv3D(3, 1)),
        (
            "equation",
            (5, 4),
            layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"),
        ),
    )
    def test_a_bias_of_a_linear_layer_shows_that_it_gives_none(
        self, shape, layer
    ):
        model = keras.Sequential([keras.Input(shape), layers.Softmax(), layer])
        tapped = tapped_model.TappedModel(model, [None])
        self.assertEmpty((*tapped.probabilities, *tapped.undecided))

    def test_looks_at_a_tap(self):
        model = ending_in(
            layers.Dense(4, name="scores"),
            layers.Softmax(name="shares"),
            layers.Dense(2),
        )
        self.assertFalse(self.gives(model, "scores"))
        self.assertTrue(self.gives(model, "shares"))
        self.assertFalse(self.gives(model))

    def test_takes_models_of_any_input(self):
        text = keras.Input((), dtype="string")
        lookup = layers.StringLookup(vocabulary=["a"], output_mode="one_hot")
        image = keras.Input((None, None, 3))
        pooled = layers.GlobalMaxPooling2D()(image)
        flags = keras.Input((3,), dtype="bool")
        for x, last in (
            (text, lookup(text)),
            (image, pooled),
            (flags, layers.Lambda(lambda x: ops.cast(x, "float32"))(flags)),
        ):
            self.assertFalse(self.gives(keras.Model(x, layers.Dense(2)(last))))
            self.assertTrue(
                self.gives(
                    keras.Model(x, layers.Dense(2, activation="softmax")(last))
                )
            )

    def test_changes_no_state(self):
        class Counter(layers.Layer):
            def build(self, shape):
                self.count = self.add_weight(shape=(), initializer="zeros")

            def call(self, x):
                self.count.assign_add(1)
                return x

        counter = Counter()
        self.gives(ending_in(counter))
        self.assertEqual(float(counter.count.numpy()), 0)


class RefuseTest(parameterized.TestCase):
    def shared(self):
        sigmoid = layers.Activation("sigmoid")
        x = keras.Input((4,))
        gated_input = layers.Multiply()([x, sigmoid(layers.Dense(4)(x))])
        return keras.Model(x, sigmoid(layers.Dense(3)(gated_input)))

    @parameterized.named_parameters(
        ("softmax_in_call", lambda: subclassed(ops.softmax)),
        ("sigmoid_in_call", lambda: subclassed(ops.sigmoid)),
        (
            "lambda",
            lambda: ending_in(layers.Dense(3), layers.Lambda(ops.softmax)),
        ),
        (
            "by_hand",
            lambda: ending_in(
                layers.Dense(3),
                layers.Lambda(
                    lambda x: (
                        ops.exp(x) / ops.sum(ops.exp(x), axis=-1, keepdims=True)
                    )
                ),
            ),
        ),
    )
    def test_probabilities_that_no_layer_makes(self, make):
        model = make()
        with self.assertRaisesRegex(
            ValueError,
            "`model` must end in logits, or in a layer.*Received: "
            f'model="{model.name}", which computes its output in another way',
        ):
            logits(model)

    def test_a_layer_that_is_used_elsewhere(self):
        model = self.shared()
        with self.assertRaisesRegex(
            ValueError, f'used nowhere else.*model="{model.name}"'
        ):
            logits(model)

    def test_what_is_no_model(self):
        with self.assertRaisesRegex(
            TypeError,
            r"must be a `keras\.Model`\. Received: model=.*of type Dense",
        ):
            logits(layers.Dense(3))

    def test_a_model_that_is_not_built(self):
        model = keras.Sequential([layers.Dense(3)], name="new")
        with self.assertRaisesRegex(
            ValueError, 'must be built.*Received: model="new", built=False'
        ):
            logits(model)


if __name__ == "__main__":
    absltest.main()
