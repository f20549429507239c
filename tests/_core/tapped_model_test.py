"""One pass through a model, read at taps."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

import keras_kd
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from tests import replicas
from tests import support

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def relu(x, layer):
    """A Dense layer with relu, in NumPy."""
    kernel, bias = support.values(layer.weights)
    return np.maximum(np.asarray(x) @ kernel + bias, 0)


def tapped(model, *names, x=X, training=False):
    return tapped_model.TappedModel(model, names)(x, training)[1]


class Subclassed(keras.Model):
    """A model of two entries whose `call` knows no `training`."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.left = layers.Dense(3, activation="relu")
        self.blocks = [layers.Dense(2)]

    def call(self, x):
        return self.blocks[0](self.left(x["a"])) + x["b"]


class TappedModelTest(parameterized.TestCase):
    def test_reads_a_layer_of_a_sequential_model(self):
        model = support.dense(5)
        np.testing.assert_allclose(
            tapped(model, "hidden")["hidden"],
            relu(X, model.get_layer("hidden")),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_the_output_is_the_models_own(self):
        model = support.dense(5)
        output, tensors = tapped_model.TappedModel(model, ["hidden", None])(
            X, False
        )
        np.testing.assert_array_equal(output, model(X))
        np.testing.assert_array_equal(tensors[None], model(X))

    def test_reads_a_layer_of_a_nested_model(self):
        inner = support.dense(5, classes=4, name="inner")
        x = keras.Input((4,))
        model = keras.Model(x, support.dense(2)(inner(x)))
        np.testing.assert_array_equal(
            tapped(model, "inner/hidden")["inner/hidden"],
            tapped(inner, "hidden")["hidden"],
        )

    def test_reads_a_whole_nested_model(self):
        inner = support.dense(5, classes=4, name="inner")
        model = keras.Sequential([keras.Input((4,)), inner, layers.ReLU()])
        np.testing.assert_array_equal(tapped(model, "inner")["inner"], inner(X))

    def test_reads_a_layer_of_a_subclassed_model(self):
        model = Subclassed()
        x = {"a": X, "b": X[:, :2]}
        output = model(x)
        tensors = tapped(model, "left", "blocks/0", x=x)
        left = relu(X, model.left)
        np.testing.assert_allclose(tensors["left"], left, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(tensors["blocks/0"] + x["b"], output)

    def test_of_a_shared_layer_the_last_call_counts(self):
        double = layers.Rescaling(2.0, name="double")
        model = keras.Sequential([keras.Input((4,)), double, double])
        np.testing.assert_allclose(tapped(model, "double")["double"], 4 * X)

    def test_reads_a_quantized_layer(self):
        model = support.dense(5)
        model.get_layer("hidden").quantize("int8")
        np.testing.assert_array_equal(
            tapped(model, "hidden")["hidden"], model.get_layer("hidden")(X)
        )

    def test_reads_a_layer_of_a_recurrent_wrapper(self):
        both = layers.Bidirectional(layers.LSTM(3), name="both")
        model = keras.Sequential([keras.Input((5, 4)), both])
        x = np.ones((2, 5, 4), "float32")
        forward = tapped(model, "both/forward_layer", x=x)
        np.testing.assert_array_equal(
            forward["both/forward_layer"], model(x)[:, :3]
        )

    @parameterized.named_parameters(
        ("graph", {}), ("xla", {"jit_compile": True})
    )
    def test_reads_taps_in_a_compiled_function(self, settings):
        model = support.dense(5)
        one = tapped_model.TappedModel(model, ["hidden"])
        compiled = tf.function(lambda x: one(x, training=False), **settings)
        for x in (X, 2 * X):
            np.testing.assert_allclose(
                compiled(x)[1]["hidden"],
                relu(x, model.get_layer("hidden")),
                rtol=1e-5,
                atol=1e-6,
            )

    def test_gradients_flow_back_from_a_tap(self):
        model = support.dense(5)
        with tf.GradientTape() as tape:
            total = ops.sum(tapped(model, "hidden")["hidden"])
        kernel = model.get_layer("hidden").kernel
        active = relu(X, model.get_layer("hidden")) > 0
        # The derivative of the sum by the kernel: x where the unit is active.
        np.testing.assert_allclose(
            tape.gradient(total, kernel.value),
            X.T @ active.astype("float32"),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_replicas_read_their_own_tensors(self):
        # A synchronised batch norm makes the replicas take turns in mid-pass.
        strategy = replicas.two_replicas()
        with strategy.scope():
            model = keras.Sequential(
                [
                    keras.Input((4,)),
                    layers.Rescaling(1.0, name="before"),
                    layers.BatchNormalization(synchronized=True),
                    layers.Rescaling(3.0, name="after"),
                ]
            )
        one = tapped_model.TappedModel(model, ["before", "after"])

        @tf.function
        def step(x):
            output, tensors = one(x, training=True)
            return output - tensors["after"], x - tensors["before"]

        batches = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                X + 10.0 * context.replica_id_in_sync_group
            )
        )
        for differences in strategy.run(step, (batches,)):
            for difference in strategy.experimental_local_results(differences):
                np.testing.assert_array_equal(difference, np.zeros((6, 4)))
        self.assertNotIn("call", vars(model.get_layer("after")))

    def test_nothing_is_left_in_the_model(self):
        model = support.dense(5)
        before = [dict(vars(layer)) for layer in model.layers]
        tapped_model.TappedModel(model, ["hidden", "head"])(X, training=False)
        self.assertEqual([dict(vars(one)) for one in model.layers], before)

    def test_each_layer_runs_once(self):
        calls = []

        class Counting(layers.Layer):
            def call(self, x):
                calls.append(self.name)
                return x

        model = keras.Sequential(
            [keras.Input((4,)), Counting(name="a"), Counting(name="b")]
        )
        one = tapped_model.TappedModel(model, ["a", "b", None])
        calls.clear()
        one(X, training=False)
        self.assertEqual(calls, ["a", "b"])


class TrainingArgumentTest(absltest.TestCase):
    def test_a_model_that_knows_it_gets_it(self):
        model = keras.Sequential([keras.Input((4,)), layers.Dropout(0.5)])
        np.testing.assert_array_equal(
            tapped_model.run(model, X, training=False), X
        )
        self.assertTrue(
            np.any(np.asarray(tapped_model.run(model, X, training=True)) == 0)
        )

    def test_a_model_that_does_not_gets_none(self):
        class Plain(keras.Model):
            def call(self, x):
                return 2 * x

        np.testing.assert_array_equal(tapped_model.run(Plain(), X, True), 2 * X)


class RefusedTapTest(parameterized.TestCase):
    def refuse(self, model, tap, rule):
        received = rf'Received: student="{model.name}", student_tap=.{tap}'
        with self.assertRaisesRegex(ValueError, f"{rule}.*{received}"):
            keras_kd.Distiller(
                teacher=model_like(model),
                student=model,
                distillation_losses=keras_kd.losses.Hint(
                    student_tap=tap, projector=None
                ),
            )

    def test_a_layer_that_is_not_called(self):
        class Idle(keras.Model):
            def __init__(self):
                super().__init__(name="idle")
                self.used, self.unused = layers.Dense(3), layers.ReLU()

            def call(self, x):
                return self.used(x)

        model = Idle()
        model(X)
        self.refuse(model, "unused", "must be called in each pass")

    @parameterized.named_parameters(
        ("lstm", layers.LSTM(3, name="loop"), "cell"),
        (
            "stacked_cells",
            layers.RNN([layers.GRUCell(3), layers.GRUCell(3)], name="loop"),
            "cell/cells/1",
        ),
        (
            "time_distributed",
            layers.TimeDistributed(layers.Dense(3), name="loop"),
            "layer",
        ),
    )
    def test_a_layer_that_a_loop_calls(self, loop, inner):
        model = keras.Sequential([keras.Input((5, 4)), loop], name="looping")
        self.refuse(model, f"loop/{inner}", 'called once.*"loop" calls it')

    def test_a_layer_in_a_loop_of_the_user(self):
        class Scan(keras.Model):
            def __init__(self):
                super().__init__(name="scan")
                self.inner = layers.Dense(4)

            def call(self, x):
                return ops.fori_loop(0, 3, lambda _, y: self.inner(y), x)

        model = Scan()
        model.inner.build((None, 4))
        model(X)
        self.refuse(model, "inner", "must be called outside of loops")

    def test_a_layer_that_returns_several_tensors(self):
        x = keras.Input((5, 4))
        lstm = layers.LSTM(3, return_state=True, name="lstm")
        model = keras.Model(x, lstm(x)[0], name="states")
        self.refuse(model, "lstm", "must return one tensor.*tuple of 3")


def model_like(model):
    """A teacher that takes the input of a model and gives its output."""
    x = keras.tree.map_structure(
        lambda t: keras.Input(batch_shape=t.shape),
        model_specs.input_spec(model),
    )
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(x)))


if __name__ == "__main__":
    absltest.main()
