"""Names of places in models, and what is found at them."""

import keras
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

import keras_kd
from keras_kd import taps
from tests import support


def block(name, inner="inner"):
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, name=inner)], name=name
    )


class Subclassed(keras.Model):
    """Holds layers in every way that Keras tracks."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.stem = layers.Dense(4, name="first")
        self.blocks = [block("zero"), layers.Dense(4, name="one")]
        self.branches = {"left": layers.Dense(4, name="l")}
        self._hidden = layers.Dense(3, name="secret")
        self.again = self.stem

    def call(self, x):
        x = self.blocks[1](self.blocks[0](self.stem(x)))
        return self._hidden(self.branches["left"](x))


def subclassed():
    model = Subclassed()
    model(support.data()[0])
    return model


class NamesTest(absltest.TestCase):
    def test_lists_layers_of_a_sequential_model_in_order(self):
        self.assertEqual(taps.names(support.dense(2)), ["hidden", "head"])

    def test_lists_layers_of_a_functional_model_without_its_inputs(self):
        a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
        added = layers.Add(name="add")([layers.Dense(4, name="left")(a), b])
        model = keras.Model([a, b], added)
        self.assertEqual(taps.names(model), ["left", "add"])

    def test_lists_nested_models_before_their_layers(self):
        x = keras.Input((4,))
        outer = keras.Model(x, block("block")(x), name="outer")
        model = keras.Sequential([keras.Input((4,)), outer])
        self.assertEqual(
            taps.names(model), ["outer", "outer/block", "outer/block/inner"]
        )

    def test_lists_attributes_of_a_subclassed_model(self):
        self.assertEqual(
            taps.names(subclassed()),
            [
                "stem",
                "blocks/0",
                "blocks/0/inner",
                "blocks/1",
                "branches/left",
                "secret",
            ],
        )

    def test_lists_layers_deep_inside_private_attributes_by_name(self):
        class Private(keras.Model):
            def __init__(self):
                super().__init__()
                self._branches = {"left": [layers.Dense(4, name="deep")]}

            def call(self, x):
                return self._branches["left"][0](x)

        model = Private()
        model(support.data()[0])
        self.assertEqual(taps.names(model), ["deep"])
        self.assertIs(taps.find(model, "deep"), model._branches["left"][0])

    def test_lists_a_shared_layer_once(self):
        shared = layers.Dense(4, name="shared")
        model = keras.Sequential([keras.Input((4,)), shared, shared])
        self.assertEqual(taps.names(model), ["shared"])

    def test_ends_where_layers_hold_each_other(self):
        class Child(layers.Layer):
            def __init__(self, parent):
                super().__init__(name="child")
                self.parent = parent

        class Parent(keras.Model):
            def __init__(self):
                super().__init__(name="parent")
                self.child = Child(self)
                self.head = layers.Dense(3)

            def call(self, x):
                return self.head(x)

        model = Parent()
        self.assertEqual(taps.names(model), ["child", "child/parent", "head"])

    def test_lists_no_layers_that_a_loop_calls(self):
        model = keras.Sequential(
            [
                keras.Input((5, 4)),
                layers.Bidirectional(
                    layers.LSTM(2, return_sequences=True), name="both"
                ),
                layers.TimeDistributed(layers.Dense(2), name="each"),
            ]
        )
        self.assertEqual(
            taps.names(model),
            ["both", "both/forward_layer", "both/backward_layer", "each"],
        )


class FindTest(parameterized.TestCase):
    @parameterized.parameters(
        ("stem", "first"),
        ("first", "first"),
        ("again", "first"),
        ("blocks/0", "zero"),
        ("zero", "zero"),
        ("blocks/0/inner", "inner"),
        ("zero/inner", "inner"),
        ("blocks/1", "one"),
        ("branches/left", "l"),
        ("secret", "secret"),
    )
    def test_follows_attributes_and_names(self, path, name):
        self.assertEqual(taps.find(subclassed(), path).name, name)

    @parameterized.parameters(
        "", "blocks/2", "blocks", "inner", "stem/inner", "_hidden", "zero/"
    )
    def test_finds_no_layer_elsewhere(self, path):
        self.assertIsNone(taps.find(subclassed(), path))

    def test_every_name_leads_to_its_layer(self):
        model = subclassed()
        for name, layer in taps.layers(model).items():
            self.assertIs(taps.find(model, name), layer)

    def test_an_attribute_is_preferred_to_a_name(self):
        class Confusing(keras.Model):
            def __init__(self):
                super().__init__()
                self.a = layers.Dense(1, name="b")
                self.b = layers.Dense(1, name="a")

        model = Confusing()
        self.assertIs(taps.find(model, "a"), model.a)
        self.assertIs(taps.find(model, "b"), model.b)


class UnknownTapTest(absltest.TestCase):
    def test_shows_the_nearest_names(self):
        with self.assertRaisesRegex(
            ValueError,
            "`student_tap` must name a layer or an output of the student "
            r'"small"\. Received: student_tap=.hiden.\. '
            r"The nearest are: hidden, head\.",
        ):
            support.distiller(
                keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hiden"),
                student=support.dense(2, name="small"),
            )

    def test_shows_five_names_where_none_is_near(self):
        dense = [layers.Dense(4, name=f"dense{i}") for i in range(7)]
        model = keras.Sequential([keras.Input((4,)), *dense], name="deep")
        message = taps.unknown_tap(model, (), "xyz", "teacher", "layers")
        self.assertEqual(
            message,
            '`layers` must name a layer or an output of the teacher "deep". '
            "Received: layers='xyz'. Its taps are: dense0, dense1, dense2, "
            "dense3, dense4 (and 2 more; see `taps.names(model)`).",
        )

    def test_shows_names_of_outputs(self):
        x = keras.Input((4,))
        outputs = {"color": layers.Dense(2)(x), "shape": layers.Dense(2)(x)}
        model = keras.Model(x, outputs, name="two")
        with self.assertRaisesRegex(ValueError, "'colour'.*nearest are: color"):
            support.distiller(
                keras_kd.losses.SoftTargets(teacher_tap="colour"),
                teacher=model,
            )

    def test_the_empty_name_is_unknown(self):
        with self.assertRaisesRegex(ValueError, "teacher.*teacher_tap=''"):
            support.distiller(keras_kd.losses.Hint(teacher_tap=""))


if __name__ == "__main__":
    absltest.main()
