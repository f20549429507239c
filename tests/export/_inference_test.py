import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers

from keras_kd.export import _inference
from tests import support

X = np.random.default_rng(0).normal(size=(6, 8, 8, 1)).astype("float32")


def augmented():
    """A student whose graph says `training=True`, with its own statistics."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.RandomTranslation(0.3, 0.3),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    model.layers[2].moving_mean.assign([0.5, -0.5, 1.0, 2.0])
    return model


def answers(model, x, **options):
    return keras.ops.convert_to_numpy(model(x, **options))


class Inner(keras.Model):
    """A model whose `call` takes no `training`."""

    def __init__(self):
        super().__init__()
        self.dropout = layers.Dropout(0.5)

    def call(self, images):
        return self.dropout(images)


class InferenceCopyTest(parameterized.TestCase):
    def test_answers_as_in_inference_mode_and_changes_nothing(self):
        model = augmented()
        expected = answers(model, X, training=False)
        before = [weight.numpy() for weight in model.weights]

        copy = _inference.InferenceCopy(model)

        found = copy.answers({"image": X})["output_0"]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        for weight, old in zip(model.weights, before, strict=True):
            np.testing.assert_array_equal(weight.numpy(), old)

    def test_without_it_the_graph_is_in_training_mode(self):
        model = augmented()
        graph = keras.Model(model.inputs[0], model.outputs[0])
        expected = answers(model, X, training=False)
        copy = _inference.InferenceCopy(graph)
        found = copy.answers({"image": X})["output_0"]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        # Last: it moves the statistics.
        self.assertGreater(np.abs(answers(graph, X) - expected).max(), 0.1)

    def test_reaches_layers_of_a_call_without_training(self):
        model = Inner()
        model(X, training=True)
        copy = _inference.InferenceCopy(model)
        found = copy.answers({"images": X})["output_0"]
        np.testing.assert_array_equal(found, X)

    def test_puts_the_final_activation_back(self):
        model = support.dense(4)
        x = support.data()[0]
        logits = answers(model, x).astype("float64")
        powers = np.exp(logits)
        expected = powers / powers.sum(axis=-1, keepdims=True)

        copy = _inference.InferenceCopy(model, "softmax")

        self.assertTrue(copy.gives_probabilities)
        found = copy.answers({"input_0": x})["output_0"]
        np.testing.assert_allclose(found, expected, atol=1e-6)

    @parameterized.parameters("mixed_float16", "mixed_bfloat16", "float16")
    def test_computes_in_float32_and_leaves_the_student(self, policy):
        model = keras.Sequential(
            [
                keras.Input((4,), name="x"),
                layers.Dense(8, activation="relu", dtype=policy),
                layers.Dense(3, dtype=policy),
            ]
        )
        x = support.data()[0]
        (a, b), (c, d) = (
            [w.astype("float64") for w in layer.get_weights()]
            for layer in model.layers
        )
        expected = np.maximum(x @ a + b, 0) @ c + d

        copy = _inference.InferenceCopy(model)

        self.assertFalse(copy.is_same)
        found = copy.answers({"x": x})["output_0"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        self.assertEqual(model.layers[0].dtype_policy.name, policy)

    def test_names_inputs_and_outputs_by_the_keys_of_dicts(self):
        copy = _inference.InferenceCopy(support.two_headed(4))
        self.assertEqual(copy.signature.inputs, ["input_0"])
        self.assertEqual(copy.signature.outputs, ["a", "b"])
        inputs = {
            "rgb": keras.Input((4,), name="rgb"),
            "depth": keras.Input((2,), name="depth"),
        }
        joined = layers.Concatenate()([inputs["depth"], inputs["rgb"]])
        copy = _inference.InferenceCopy(
            keras.Model(inputs, [joined, layers.Dense(3)(joined)])
        )
        self.assertCountEqual(copy.signature.inputs, ["depth", "rgb"])
        self.assertEqual(copy.signature.tensors()["depth"].shape, (None, 2))
        self.assertEqual(copy.signature.outputs, ["output_0", "output_1"])

    def test_knows_the_modules_of_the_users_layers(self):
        self.assertEqual(_inference.modules_of(Inner()), [__name__])
        self.assertEqual(_inference.modules_of(support.dense(2)), [])


if __name__ == "__main__":
    absltest.main()
