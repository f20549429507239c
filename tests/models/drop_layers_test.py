import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import models
from tests import support

X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def functional():
    """A net of blocks that are models, numbered from 1."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(4, name="stem")(inputs)
    for number in range(1, 5):
        inside = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(4, "tanh")],
            name=f"block_{number}",
        )
        hidden = keras.layers.Dropout(0.1)(inside(hidden))
    outputs = keras.layers.Dense(2, name="head")(hidden)
    return keras.Model(inputs, outputs)


def sequential():
    blocks = [keras.layers.Dense(4, "tanh", name=f"b{n}") for n in range(4)]
    head = keras.layers.Dense(2, name="head")
    stem = keras.layers.Dense(4, name="stem")
    return keras.Sequential([keras.Input((4,)), stem, *blocks, head])


@keras.saving.register_keras_serializable("drop_layers_test")
class Stack(keras.Model):
    """As a backbone of KerasHub, which has a config and a graph."""

    def __init__(self, num_layers, period=1, **kwargs):
        inputs = keras.Input((4,))
        hidden = inputs
        for number in range(num_layers):
            activation = "relu" if number % period else "tanh"
            layer = keras.layers.Dense(4, activation, name=f"layer_{number}")
            hidden = layer(hidden)
        super().__init__(inputs, hidden, **kwargs)
        self.num_layers = num_layers
        self.period = period

    def get_config(self):
        return {"num_layers": self.num_layers, "period": self.period}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def through(model, *names):
    """Outputs of some layers of a model for the examples, one by one."""
    hidden = X
    for name in names:
        hidden = model.get_layer(name)(hidden)
    return hidden


class DropLayersTest(parameterized.TestCase):
    @parameterized.named_parameters(
        ("functional", functional, ("block_1", "block_3")),
        ("sequential", sequential, ("b0", "b2")),
    )
    def test_goes_through_the_kept_blocks_alone(self, make, names):
        model = make()
        model.trainable = False
        student = models.drop_layers(model, keep=range(0, 4, 2))
        np.testing.assert_array_equal(
            student(X), through(model, "stem", *names, "head")
        )
        self.assertIsInstance(student, type(model))
        self.assertLen(student.trainable_weights, 8)
        self.assertEmpty(model.trainable_weights)

    def test_has_weights_of_its_own(self):
        model = functional()
        before = support.values(model.weights)
        student = models.drop_layers(model, keep=[0])
        for weight in student.weights:
            weight.assign(weight + 1)
        for old, new in zip(before, support.values(model.weights), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_a_class_with_a_number_of_layers_is_made_again(self):
        model = Stack(4)
        student = models.drop_layers(model, keep=[1, 3])
        self.assertIsInstance(student, Stack)
        self.assertEqual(student.num_layers, 2)
        np.testing.assert_array_equal(
            student(X), through(model, "layer_1", "layer_3")
        )
        loaded = support.through_a_file(student)
        np.testing.assert_array_equal(loaded(X), student(X))

    def test_all_blocks_are_the_model(self):
        for model in (functional(), sequential(), Stack(3)):
            count = 3 if isinstance(model, Stack) else 4
            student = models.drop_layers(model, keep=range(count))
            np.testing.assert_array_equal(student(X), model(X))

    def test_blocks_that_alternate_keep_a_period(self):
        model = Stack(4, period=2)
        student = models.drop_layers(model, keep=[0, 3])
        np.testing.assert_array_equal(
            student(X), through(model, "layer_0", "layer_3")
        )
        with self.assertRaisesRegex(ValueError, "layer_2.*place of.*layer_1"):
            models.drop_layers(model, keep=[0, 2])

    def test_rejects_to_leave_out_a_block_of_another_shape(self):
        widths = [keras.layers.Dense(n, name=f"b{n}") for n in (3, 4)]
        model = keras.Sequential([keras.Input((4,)), *widths])
        with self.assertRaisesRegex(ValueError, '"b3" does not'):
            models.drop_layers(model, keep=[1])

    def test_rejects_several_kinds_of_blocks(self):
        layers = [
            keras.layers.Dense(4, name=f"{kind}_{n}")
            for n in range(2)
            for kind in "ab"
        ]
        model = keras.Sequential([keras.Input((4,)), *layers])
        with self.assertRaisesRegex(ValueError, "with 2 of them.*a_0, b_0"):
            models.drop_layers(model, keep=[0])


if __name__ == "__main__":
    absltest.main()
