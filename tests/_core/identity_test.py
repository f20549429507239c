"""Models, data and arguments are told apart by what they are."""

import json

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from scipy import sparse

from keras_kd._core import identity
from keras_kd._core.identity import fingerprint
from tests import support


def weight(value, dtype="float32"):
    """A model with one weight."""

    class Holder(keras.Model):
        def __init__(self):
            super().__init__(dtype=dtype)
            self.held = self.add_weight(shape=np.shape(value), dtype=dtype)
            self.held.assign(value)

    return Holder()


class FingerprintTest(absltest.TestCase):
    def test_is_equal_for_equal_weights(self):
        first, second = support.dense(4), support.dense(4)
        self.assertNotEqual(fingerprint(first), fingerprint(second))
        second.set_weights(first.get_weights())
        self.assertEqual(fingerprint(first), fingerprint(second))
        self.assertLen(fingerprint(first), 16)

    def test_changes_with_one_bit(self):
        model = support.dense(4)
        before = fingerprint(model)
        kernel = model.get_layer("hidden").kernel
        kernel.assign(np.nextafter(kernel.numpy(), np.float32(9)))
        self.assertNotEqual(fingerprint(model), before)

    def test_changes_with_a_weight_that_is_not_trained(self):
        norm = keras.layers.BatchNormalization()
        model = keras.Sequential([keras.Input((3,)), norm])
        before = fingerprint(model)
        norm.moving_mean.assign([0.0, 0.0, 1e-3])
        self.assertNotEqual(fingerprint(model), before)

    def test_sees_shapes_and_dtypes(self):
        # The bytes are zeros in all.
        models = [
            weight(np.zeros((2, 3))),
            weight(np.zeros((3, 2))),
            weight(np.zeros((6,))),
            weight(np.zeros((3,)), "float64"),
            weight(np.zeros((12,)), "bfloat16"),
            weight(np.zeros((12,)), "float16"),
        ]
        self.assertLen({fingerprint(model) for model in models}, 6)

    def test_sees_the_order(self):
        a, b = np.ones(2), np.zeros(2)
        first = keras.Sequential([weight(a), weight(b)])
        second = keras.Sequential([weight(b), weight(a)])
        self.assertNotEqual(fingerprint(first), fingerprint(second))

    def test_names_do_not_count(self):
        first, second = support.dense(4, name="a"), support.dense(4, name="b")
        second.set_weights(first.get_weights())
        self.assertEqual(fingerprint(first), fingerprint(second))


def functional(units=3, activation="relu", dtype=None, joined=True, **kwargs):
    """A net whose layers Keras names, but for those given."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(
        units, activation=activation, dtype=dtype, **kwargs
    )(inputs)
    other = keras.layers.Dense(units)(inputs)
    both = keras.layers.Add()([hidden, other if joined else hidden])
    return keras.Model(inputs, [keras.layers.Dense(2)(both), other])


class OfModelTest(parameterized.TestCase):
    def test_names_and_weights_do_not_count(self):
        keras.utils.clear_session()
        first = functional()
        # Its layers are "dense_3" and so on.
        second = functional()
        self.assertNotEqual(first.layers[-1].name, second.layers[-1].name)
        named = functional(name="hidden")
        expected = identity.of_model(first)
        self.assertEqual(identity.of_model(second), expected)
        self.assertEqual(identity.of_model(named), expected)

    def test_names_in_a_nested_model_do_not_count(self):
        def nested():
            inputs = keras.Input((4,))
            return keras.Model(inputs, functional()(inputs)[0])

        self.assertEqual(
            identity.of_model(nested()), identity.of_model(nested())
        )

    @parameterized.named_parameters(
        ("units", {"units": 5}),
        ("activation", {"activation": "tanh"}),
        ("policy", {"dtype": "mixed_float16"}),
        ("connections", {"joined": False}),
        ("trainable", {"trainable": False}),
        ("a_name_like_an_activation", {"name": "tanh", "activation": "tanh"}),
    )
    def test_tells_apart(self, kwargs):
        self.assertNotEqual(
            identity.of_model(functional(name="relu")),
            identity.of_model(functional(**kwargs)),
        )

    def test_is_the_same_after_training(self):
        model = support.dense(4)
        before = identity.of_model(model)
        model.compile("adam", support.cross_entropy())
        model.fit(*support.data(), verbose=0)
        self.assertEqual(identity.of_model(model), before)

    def test_json_holds_it(self):
        found = identity.of_model(functional())
        self.assertEqual(json.loads(json.dumps(found)), found)

    def test_without_a_config_the_shapes_count(self):
        class Net(keras.Model):
            def __init__(self, head):
                super().__init__()
                self.head = head

            def call(self, x):
                return self.head(x)

            def get_config(self):
                raise NotImplementedError

        def built(units):
            net = Net(keras.layers.Dense(units))
            net(np.zeros((1, 4)))
            return identity.of_model(net)

        self.assertEqual(built(3), built(3))
        self.assertNotEqual(built(3), built(4))

    def test_what_is_no_layer_is_known_by_its_class_not_its_address(self):
        class Thing:
            pass

        class Holder(keras.layers.Layer):
            def get_config(self):
                return {"thing": Thing(), "array": np.ones(2)}

        self.assertEqual(
            identity.of_layer(Holder()), identity.of_layer(Holder())
        )

    def test_a_layer_is_the_same_built_or_not(self):
        layer = keras.layers.Dense(3)
        before = identity.of_layer(layer)
        layer.build((None, 4))
        self.assertEqual(identity.of_layer(layer), before)


class OfArraysTest(parameterized.TestCase):
    def test_is_a_sha256(self):
        found = identity.of_arrays(np.ones(3))
        self.assertRegex(found, "^[0-9a-f]{64}$")

    @parameterized.named_parameters(
        ("value", np.array([1.0, 2.0, 4.0, 4.0])),
        ("shape", np.array([[1.0, 2.0], [3.0, 4.0]])),
        ("type", np.array([1.0, 2.0, 3.0, 4.0], "float32")),
        ("order", np.array([4.0, 3.0, 2.0, 1.0])),
        ("structure", {"a": np.array([1.0, 2.0, 3.0, 4.0])}),
        ("none", None),
        ("number", 1.0),
        ("empty", np.zeros((0, 4))),
    )
    def test_tells_apart(self, other):
        self.assertNotEqual(
            identity.of_arrays(np.array([1.0, 2.0, 3.0, 4.0])),
            identity.of_arrays(other),
        )

    def test_keys_count(self):
        x = np.ones(3)
        self.assertNotEqual(
            identity.of_arrays({"a": x}), identity.of_arrays({"b": x})
        )

    def test_only_the_values_count(self):
        x = np.arange(6.0).reshape(2, 3)
        self.assertEqual(
            identity.of_arrays((x, [x])),
            identity.of_arrays((np.asfortranarray(x), [tf.constant(x)])),
        )

    def test_texts_are_known_by_their_letters(self):
        first, second, other = (
            np.array(["".join(letters)], object)
            for letters in (("a", "bc"), ("ab", "c"), ("x",))
        )
        found = identity.of_arrays(first)
        self.assertEqual(identity.of_arrays(second), found)
        self.assertNotEqual(identity.of_arrays(other), found)

    def test_sparse_matrices(self):
        dense = np.array([[0.0, 1.0], [2.0, 0.0]])
        found = identity.of_arrays(sparse.csr_matrix(dense))
        self.assertEqual(identity.of_arrays(sparse.coo_matrix(dense)), found)
        self.assertNotEqual(
            identity.of_arrays(sparse.csr_matrix(dense.T)), found
        )

    def test_a_data_set_has_none(self):
        class Batches(keras.utils.PyDataset):
            def __len__(self):
                return 1

            def __getitem__(self, index):
                return np.ones(3)

        for data in (
            tf.data.Dataset.from_tensor_slices(np.ones(3)),
            Batches(),
            iter([np.ones(3)]),
        ):
            self.assertIsNone(identity.of_arrays(data))
            self.assertIsNone(identity.of_arrays((np.ones(3), data)))


if __name__ == "__main__":
    absltest.main()
