import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd import taps
from keras_kd.procedures._fitnets.guided_part import guided_part
from tests import support

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def with_weights(model):
    return [layer.name for layer in model.layers if layer.weights]


def backbone():
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, name="first"),
            layers.Dense(6, name="second"),
        ],
        name="backbone",
    )


def branched():
    """The layer `side` is called before `guided`, and leads elsewhere."""
    x = keras.Input((4,))
    first = layers.Dense(5, name="first")(x)
    side = layers.BatchNormalization(name="side")(first)
    guided = layers.Dense(5, name="guided")(first)
    return keras.Model(x, layers.Add(name="sum")([side, guided]))


class GuidedPartTest(parameterized.TestCase):
    def test_has_the_layers_themselves(self):
        model = support.dense(5)
        part = guided_part(model, "hidden")
        self.assertEqual(with_weights(part), ["hidden"])
        self.assertIs(part.get_layer("hidden"), model.get_layer("hidden"))
        np.testing.assert_array_equal(part(X), model.get_layer("hidden")(X))

    def test_leaves_out_what_does_not_lead_there(self):
        part = guided_part(branched(), "guided")
        self.assertEqual(with_weights(part), ["first", "guided"])

    def test_leaves_the_model_as_it_was(self):
        model = branched()
        config, names = model.get_config(), taps.names(model)
        guided_part(model, "guided")
        self.assertEqual(model.get_config(), config)
        self.assertEqual(taps.names(model), names)

    @parameterized.named_parameters(
        ("sequential", lambda x, inner: [x, inner]),
        ("functional", lambda x, inner: (x, inner(x))),
    )
    def test_reaches_into_a_model_that_comes_first(self, outer):
        made = outer(keras.Input((4,)), backbone())
        if isinstance(made, list):
            model = keras.Sequential([*made, layers.Dense(2)])
        else:
            model = keras.Model(made[0], layers.Dense(2)(made[1]))
        part = guided_part(model, "backbone/first")
        self.assertEqual(with_weights(part), ["first"])
        whole = guided_part(model, "backbone")
        np.testing.assert_array_equal(whole(X), taps.find(model, "backbone")(X))

    def test_refuses_a_model_behind_something(self):
        x = keras.Input((4,))
        model = keras.Model(x, backbone()(x / 2.0), name="outer")
        for tap in ("backbone", "backbone/first"):
            with self.assertRaisesRegex(
                ValueError, f"first layer.*Received.*outer.*'{tap}'.*backbone"
            ):
                guided_part(model, tap)

    def test_refuses_a_layer_that_is_called_twice(self):
        x = keras.Input((4,))
        shared = layers.Dense(4, name="shared")
        model = keras.Model(x, shared(shared(x)))
        with self.assertRaisesRegex(ValueError, "called once.*several times"):
            guided_part(model, "shared")

    def test_refuses_a_layer_of_another_model(self):
        shared = layers.Dense(4, name="shared")
        keras.Sequential([keras.Input((4,)), shared])
        model = keras.Sequential([keras.Input((4,)), shared, layers.Dense(2)])
        with self.assertRaisesRegex(ValueError, "belongs to another model"):
            guided_part(model, "shared")

    def test_refuses_an_unknown_layer(self):
        with self.assertRaisesRegex(ValueError, "'hiden'.*nearest are: hidden"):
            guided_part(support.dense(5), "hiden")

    def test_refuses_a_subclassed_student(self):
        class Subclassed(keras.Model):
            def __init__(self):
                super().__init__(name="own")
                self.hidden = layers.Dense(3)

            def call(self, x):
                return self.hidden(x)

        model = Subclassed()
        model(X)
        with self.assertRaisesRegex(TypeError, 'Functional.*Received.*"own"'):
            guided_part(model, "hidden")


if __name__ == "__main__":
    absltest.main()
