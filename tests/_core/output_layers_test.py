"""The layer between a tap and a model's output."""

import keras
import numpy as np
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._core.output_layers import OutputLayer
from tests import support


def tied(**options):
    """A net that ends in the embedding that it begins with."""
    tokens = keras.Input((6,), dtype="int32")
    embedding = keras.layers.ReversibleEmbedding(7, 3, name="tokens", **options)
    hidden = keras.layers.Dense(3, name="hidden")(embedding(tokens))
    return keras.Model(tokens, embedding(hidden, reverse=True), name="net")


class Scaled(keras.layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


def ending_in(layer):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(5, name="hidden"), layer],
        name="net",
    )


def layer_of(model, tap="hidden"):
    return OutputLayer(model, tap, "student", "loss")


class OutputLayerTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.x, _ = support.data(6)

    def assert_makes_logits(self, model, tap, x, before):
        """Checks that the chunks of a layer are the model's own logits."""
        found = layer_of(model, tap)
        scores = found.scores(before(x))
        parts = [
            scores.logits(start, scores.columns(start, 1))
            for start in range(found.classes)
        ]
        expected = keras.ops.convert_to_numpy(model(x))
        self.assertEqual(expected.shape[-1], found.classes)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(keras.ops.concatenate(parts, -1)),
            expected.reshape(-1, found.classes),
            rtol=1e-5,
            atol=1e-6,
        )

    @parameterized.parameters("hidden", "head:input")
    def test_is_a_dense_layer(self, tap):
        net = support.dense(5, bias_initializer="ones")
        self.assert_makes_logits(net, tap, self.x, net.get_layer("hidden"))

    def test_needs_no_bias(self):
        net = support.dense(5, use_bias=False)
        self.assert_makes_logits(net, "hidden", self.x, net.get_layer("hidden"))

    def test_may_be_all_there_is(self):
        net = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(3, name="head")]
        )
        self.assert_makes_logits(net, "head:input", self.x, lambda x: x)

    def test_may_stand_in_a_nested_model(self):
        inner = support.dense(5, name="inner")
        inputs = keras.Input((4,))
        net = keras.Model(inputs, inner(inputs))
        self.assert_makes_logits(
            net, "inner/hidden", self.x, inner.get_layer("hidden")
        )

    @parameterized.parameters(True, False)
    def test_may_be_an_embedding_in_reverse(self, tie_weights):
        net = tied(tie_weights=tie_weights)
        self.assert_makes_logits(
            net,
            "hidden",
            np.arange(6)[None],
            lambda x: net.get_layer("hidden")(net.get_layer("tokens")(x)),
        )

    def test_may_have_low_rank_weights(self):
        net = support.dense(5)
        net.get_layer("head").enable_lora(2)
        net.get_layer("head").lora_kernel_b.assign(np.ones((2, 3)))
        self.assert_makes_logits(net, "hidden", self.x, net.get_layer("hidden"))


class RefusalsTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (
            "softmax",
            keras.layers.Dense(3, activation="softmax", name="head"),
            r"head \(Dense\)\. .*SoftTargets",
        ),
        ("other", keras.layers.Softmax(name="end"), r"end \(Softmax\)"),
        ("subclass", Scaled(3, name="own"), r"own \(Scaled\)"),
    )
    def test_of_another_layer(self, layer, message):
        with self.assertRaisesRegex(
            ValueError,
            r'`student_tap` must be what the output layer.*student="net", '
            rf"student_tap='hidden', behind which there is {message}",
        ):
            layer_of(ending_in(layer))

    def test_of_an_integer_kernel(self):
        net = support.dense(5)
        net.get_layer("head").quantize("int8")
        with self.assertRaisesRegex(ValueError, "`Dense` without"):
            layer_of(net)

    def test_of_a_soft_cap(self):
        with self.assertRaisesRegex(ValueError, "without soft cap"):
            layer_of(tied(logit_soft_cap=5.0))

    def test_of_layers_in_between(self):
        net = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(5, name="first"),
                *support.dense(5, features=5).layers,
            ]
        )
        with self.assertRaisesRegex(
            ValueError,
            r'is hidden \(Dense\), head \(Dense\)\. Tap "head:input"',
        ):
            layer_of(net, "first")
        layer_of(net, "head:input")

    def test_of_layers_before_an_embedding(self):
        tokens = keras.Input((6,), dtype="int32")
        embedding = keras.layers.ReversibleEmbedding(7, 3, name="tokens")
        hidden = keras.layers.Dense(3, name="hidden")(embedding(tokens))
        last = keras.layers.LayerNormalization(name="last")(hidden)
        net = keras.Model(tokens, embedding(last, reverse=True))
        with self.assertRaisesRegex(ValueError, "Tap the layer before it"):
            layer_of(net)
        layer_of(net, "last")

    def test_of_the_output(self):
        with self.assertRaisesRegex(ValueError, "student_tap=None; .*Tap a"):
            layer_of(support.dense(5), None)
        with self.assertRaisesRegex(ValueError, "there is nothing"):
            layer_of(support.dense(5), "head")


if __name__ == "__main__":
    absltest.main()
