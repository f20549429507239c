"""What a pass would give: names of outputs, shapes, errors."""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

import keras_kd
from keras_kd._core import tapped_model
from keras_kd._core.call_hooks import hooked
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


class Hidden(keras.Model):
    """A subclassed model with two outputs, the first of which are logits."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(5)
        self.head = layers.Dense(3)

    def call(self, x):
        hidden = self.hidden(x)
        return {"logits": self.head(hidden), "embedding": hidden}


def subclassed():
    model = Hidden()
    model(X)
    return model


def functional():
    x = keras.Input((4,))
    hidden = layers.Dense(5, name="hidden")(x)
    outputs = {"logits": layers.Dense(3)(hidden), "embedding": hidden}
    return keras.Model(x, outputs)


def nested():
    x = keras.Input((4,))
    hidden = support.dense(5, classes=5, name="hidden")(x)
    return keras.Model(
        x, {"logits": layers.Dense(3)(hidden), "embedding": hidden}
    )


@contextlib.contextmanager
def passes(model):
    """Notes each pass through a model while the block runs.

    Yields:
        A list that fills with "symbolic" or "concrete".
    """
    found = []

    def note(call, *args, **kwargs):
        found.append("concrete" if tf.executing_eagerly() else "symbolic")
        return call(*args, **kwargs)

    with (
        hooked(model, "call", note),
        hooked(model, "compute_output_spec", note),
    ):
        yield found


class PassesTest(parameterized.TestCase):
    """Passes through the models until training starts."""

    def passes(self, model, losses, **compiled):
        """Passes through the teacher and through the student.

        Args:
            model: Function that makes either of them.
            losses: Distillation losses.
            **compiled: Arguments of `compile`.
        """
        teacher, student = model(), model()
        with passes(teacher) as of_teacher, passes(student) as of_student:
            distiller = support.distiller(
                losses, teacher=teacher, student=student
            )
            distiller.compile("sgd", **compiled)
        return of_teacher, of_student

    @parameterized.named_parameters(
        ("functional", functional),
        ("nested", nested),
        ("subclassed", subclassed),
    )
    def test_one_shows_shapes_taps_outputs_and_their_ends(self, model):
        losses = [
            keras_kd.losses.SoftTargets(
                teacher_tap="logits", student_tap="logits"
            ),
            keras_kd.losses.LogitRegression(
                teacher_tap="logits", student_tap="logits"
            ),
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
        ]
        found = self.passes(
            model,
            losses,
            loss={"logits": support.cross_entropy(), "embedding": None},
            metrics={"logits": ["accuracy"]},
        )
        self.assertEqual(found, (["symbolic"], ["symbolic"]))

    @parameterized.named_parameters(
        ("plain", lambda: [layers.Dense(3)]),
        ("without_bias", lambda: [layers.Dense(3, use_bias=False)]),
        ("rescaled", lambda: [layers.Dense(3), layers.Rescaling(2.0)]),
        ("half", lambda: [layers.Dense(3, dtype="mixed_float16")]),
        (
            "pooled",
            lambda: [
                layers.Reshape((5, 1, 1)),
                layers.Conv2D(3, 1),
                layers.GlobalAveragePooling2D(),
            ],
        ),
    )
    def test_logits_of_layers_are_known_without_values(self, head):
        def model():
            hidden = layers.Dense(5, activation="relu")
            return keras.Sequential([keras.Input((4,)), hidden, *head()])

        found = self.passes(model, keras_kd.losses.SoftTargets())
        self.assertEqual(found, (["symbolic"], ["symbolic"]))

    def test_a_call_that_the_graph_does_not_explain_runs_once(self):
        found = self.passes(
            lambda: keras.Sequential(
                [
                    keras.Input((4,)),
                    layers.Dense(3),
                    layers.Lambda(lambda x: x / ops.sqrt(ops.abs(x) + 1)),
                ]
            ),
            keras_kd.losses.SoftTargets(),
        )
        once = ["symbolic", "concrete"]
        self.assertEqual(found, (once, once))


if __name__ == "__main__":
    absltest.main()
