"""`teachers.logits`: what it strips and what it keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

from keras_kd import taps
from keras_kd._core import tapped_model
from keras_kd.teachers import logits
from tests import replicas
from tests import support

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def ending_in(*end, name=None):
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, name="hidden"), *end], name=name
    )


def softmax_model(**kwargs):
    return ending_in(
        layers.Dense(3, activation="softmax", name="head"), **kwargs
    )


def subclassed(activation):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__(name="subclassed")
            self.hidden = layers.Dense(5)
            self.head = layers.Dense(3, activation=activation)

        def call(self, x):
            return self.head(self.hidden(x))

    model = Subclassed()
    model(X)
    return model


# Each makes a model whose last numbers come from a layer.
SOFTMAX = {
    "dense": softmax_model,
    "activation": lambda: ending_in(
        layers.Dense(3), layers.Activation("softmax", dtype="float32")
    ),
    "softmax_layer": lambda: ending_in(
        layers.Dense(3), layers.Softmax(name="end")
    ),
    "nested": lambda: keras.Sequential(
        [keras.Input((4,)), keras.Sequential([softmax_model()])]
    ),
    "subclassed": lambda: subclassed("softmax"),
    "function_of_tensorflow": lambda: ending_in(
        layers.Dense(3, activation=tf.nn.softmax)
    ),
    "dropout_behind": lambda: ending_in(
        layers.Dense(3, activation="softmax"), layers.Dropout(0.5)
    ),
    "cast_behind": lambda: ending_in(
        layers.Dense(3, activation="softmax", dtype="float64"),
        layers.Activation("linear", dtype="float32"),
    ),
    "regularised": lambda: ending_in(
        layers.Dense(3, activation="softmax", activity_regularizer="l2")
    ),
}


class StripTest(parameterized.TestCase):
    @parameterized.named_parameters(SOFTMAX.items())
    def test_the_softmax_of_the_logits_is_the_model(self, make):
        model = make()
        teacher = logits(model)
        self.assertIsNot(teacher, model)
        # Softmax of the probabilities themselves is another thing.
        probabilities = ops.softmax(ops.cast(teacher(X), "float32"))
        np.testing.assert_allclose(probabilities, model(X), rtol=1e-4)
        self.assertGreater(np.max(np.abs(probabilities - teacher(X))), 0.1)

    @parameterized.named_parameters(
        ("dense", lambda: ending_in(layers.Dense(3, activation="sigmoid"))),
        ("one_unit", lambda: ending_in(layers.Dense(1, activation="sigmoid"))),
        ("subclassed", lambda: subclassed("sigmoid")),
    )
    def test_the_sigmoid_of_the_logits_is_the_model(self, make):
        model = make()
        teacher = logits(model)
        np.testing.assert_allclose(ops.sigmoid(teacher(X)), model(X), rtol=1e-5)
        self.assertLess(np.min(teacher(X)), 0)

    def test_logits_are_those_of_the_last_layer(self):
        model = softmax_model()
        hidden, head = model.layers
        kernel, bias = support.values(head.weights)
        expected = np.asarray(hidden(X)) @ kernel + bias
        np.testing.assert_allclose(logits(model)(X), expected, rtol=1e-4)

    def test_a_softmax_at_each_step_is_left_out(self):
        each = layers.TimeDistributed(layers.Dense(3, activation="softmax"))
        model = keras.Sequential([keras.Input((5, 4)), each])
        x = np.random.default_rng(0).normal(size=(2, 5, 4))
        np.testing.assert_allclose(
            ops.softmax(logits(model)(x)), model(x), rtol=1e-5
        )

    def test_strips_each_output_that_gives_probabilities(self):
        x = keras.Input((4,))
        attention = layers.Dense(4, activation="softmax", name="attention")(x)
        model = keras.Model(
            x,
            {
                "one_of": layers.Dense(3, activation="softmax")(attention),
                "any_of": layers.Dense(3, activation="sigmoid")(x),
                "number": layers.Dense(1)(x),
                # The model goes on to use it: it must stay.
                "attention": attention,
            },
        )
        before, after = model(X), logits(model)(X)
        np.testing.assert_allclose(
            ops.softmax(after["one_of"]), before["one_of"], rtol=1e-5
        )
        np.testing.assert_allclose(
            ops.sigmoid(after["any_of"]), before["any_of"], rtol=1e-5
        )
        for name in ("number", "attention"):
            np.testing.assert_array_equal(after[name], before[name])

    def test_strips_both_outputs_of_a_shared_head(self):
        a, b = keras.Input((4,)), keras.Input((4,))
        head = layers.Dense(3, activation="softmax")
        model = keras.Model([a, b], [head(a), head(b)])
        for after, before in zip(
            logits(model)([X, 2 * X]), model([X, 2 * X]), strict=True
        ):
            np.testing.assert_allclose(ops.softmax(after), before, rtol=1e-5)

    @pytest.mark.slow
    def test_works_on_a_model_of_keras_applications(self):
        model = keras.applications.MobileNetV2(
            input_shape=(32, 32, 3), classes=5, weights=None
        )
        x = np.random.default_rng(0).random((2, 32, 32, 3))
        with self.assertRaisesRegex(ValueError, r"Use `.*teachers\.logits"):
            image_distiller(model)
        teacher = logits(model)
        np.testing.assert_allclose(ops.softmax(teacher(x)), model(x), rtol=1e-4)
        distiller = image_distiller(teacher)
        distiller.compile("sgd")
        distiller.fit(x, verbose=0)

    @parameterized.named_parameters(
        ("graph", {}), ("xla", {"jit_compile": True})
    )
    def test_strips_in_a_compiled_function(self, settings):
        model = softmax_model()
        teacher = logits(model)
        both = tf.function(lambda x: (teacher(x), model(x)), **settings)
        after, before = both(X)
        np.testing.assert_allclose(after, teacher(X), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(before, model(X), rtol=1e-5, atol=1e-6)

    def test_strips_in_every_replica(self):
        strategy = replicas.two_replicas()
        with strategy.scope():
            teacher = logits(softmax_model())
        step = tf.function(lambda: teacher(X))
        for result in strategy.experimental_local_results(strategy.run(step)):
            np.testing.assert_allclose(result, teacher(X), rtol=1e-5, atol=1e-6)


def image_distiller(teacher):
    student = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Flatten(), layers.Dense(5)]
    )
    return support.distiller(teacher=teacher, student=student)


class KeepTest(parameterized.TestCase):
    @parameterized.named_parameters(SOFTMAX.items())
    def test_the_model_stays_as_it_is(self, make):
        model = make()
        before, names = model(X), taps.names(model)
        teacher = logits(model)
        teacher(X)
        np.testing.assert_array_equal(model(X), before)
        self.assertEqual(taps.names(model), names)
        self.assertEqual(taps.names(teacher), names)

    def test_weights_are_shared(self):
        model = softmax_model()
        teacher = logits(model)
        model.compile("sgd", "categorical_crossentropy")
        before = teacher(X)
        model.fit(X, np.eye(3)[[0, 1, 2, 0, 1, 2]], verbose=0)
        self.assertGreater(np.max(np.abs(teacher(X) - before)), 1e-3)
        np.testing.assert_allclose(ops.softmax(teacher(X)), model(X), rtol=1e-5)
        self.assertEqual(
            [id(v) for v in teacher.weights], [id(v) for v in model.weights]
        )

    def test_a_tap_at_the_stripped_layer_gives_logits(self):
        for name, model in (
            ("head", softmax_model()),
            ("end", SOFTMAX["softmax_layer"]()),
        ):
            tapped = tapped_model.TappedModel(logits(model), [name])
            output, tensors = tapped(X, training=False)
            np.testing.assert_array_equal(tensors[name], output)
            self.assertLess(np.min(output), 0)

    @parameterized.named_parameters(SOFTMAX.items())
    def test_is_a_teacher(self, make):
        distiller = support.distiller(teacher=logits(make()))
        distiller.compile("sgd")
        distiller.fit(X, verbose=0)

    @parameterized.named_parameters(
        ("logits", lambda: support.dense(5)),
        ("log_softmax", lambda: ending_in(layers.Dense(3, "log_softmax"))),
        ("swish", lambda: ending_in(layers.Dense(3, activation="swish"))),
        ("sigmoid_inside", lambda: gated()),
        ("logits_already", lambda: logits(softmax_model())),
    )
    def test_gives_back_what_gives_logits(self, make):
        model = make()
        self.assertIs(logits(model), model)

    def test_a_student_may_be_stripped(self):
        student = logits(softmax_model())
        distiller = support.distiller(student=student)
        distiller.compile("sgd", support.cross_entropy())
        before = support.values(student.weights)
        distiller.fit(*support.data(), verbose=0)
        self.assertGreater(
            support.largest_difference(before, support.values(student.weights)),
            1e-4,
        )


def gated():
    """A model with a sigmoid that makes no output."""
    x = keras.Input((4,))
    gate = layers.Dense(4, activation="sigmoid")(x)
    return keras.Model(x, layers.Dense(3)(layers.Multiply()([x, gate])))


if __name__ == "__main__":
    absltest.main()
