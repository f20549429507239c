"""`teachers.logits` of a Functional or Sequential model: Functional again."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized
from keras import layers
from keras import ops

from keras_kd import taps
from keras_kd._core import reduction
from keras_kd.teachers import logits
from tests import support
from tests.teachers.logits_test import SOFTMAX
from tests.teachers.logits_test import X
from tests.teachers.logits_test import softmax_model


class GraphTest(parameterized.TestCase):
    @parameterized.named_parameters(
        (name, make) for name, make in SOFTMAX.items() if name != "subclassed"
    )
    def test_what_has_a_graph_keeps_one(self, make):
        model = make()
        teacher = logits(model)
        # Built on, as any Functional model.
        tail = layers.Softmax(dtype="float32")(teacher.output)
        whole = keras.Model(teacher.input, tail)
        np.testing.assert_allclose(whole(X), model(X), rtol=1e-4)

    def test_a_nested_graph_is_one_too(self):
        inner = softmax_model(name="inner")
        x = keras.Input((4,), name="x")
        teacher = logits(keras.Model({"x": x}, {"y": inner(x)}))
        self.assertEqual(list(teacher.input), ["x"])
        self.assertEqual(list(teacher.output), ["y"])
        self.assertIn("inner/hidden", taps.names(teacher))
        self.assertTrue(taps.is_functional(teacher.get_layer("inner")))

    def test_a_graph_with_a_call_of_its_own_is_called(self):
        class Doubled(keras.Model):
            def call(self, x):
                return super().call(2 * x)

        x = keras.Input((4,))
        model = Doubled(x, layers.Dense(3, activation="softmax")(x))
        np.testing.assert_allclose(
            ops.softmax(logits(model)(X)), model(X), rtol=1e-5
        )

    def test_is_exported(self):
        teacher, folder = logits(softmax_model()), support.folder(self)
        teacher.export(folder / "saved", verbose=False)
        saved = tf.saved_model.load(folder / "saved")
        np.testing.assert_allclose(saved.serve(X), teacher(X), rtol=1e-5)

    def test_masks_pass(self):
        tagger = keras.Sequential(
            [
                keras.Input((3,), dtype="int32"),
                layers.Embedding(5, 4, mask_zero=True),
                layers.LSTM(3, return_sequences=True),
                layers.Dense(3, activation="softmax"),
            ]
        )
        tokens = np.array([[1, 2, 0]])
        after, before = logits(tagger)(tokens), tagger(tokens)
        np.testing.assert_array_equal(
            reduction.read_mask(after), [[True, True, False]]
        )
        np.testing.assert_allclose(ops.softmax(after), before, rtol=1e-5)

    def test_a_compiled_model_gives_one_that_is_not(self):
        x = keras.Input((4,))
        model = keras.Model(x, layers.Dense(3, activation="softmax")(x))
        model.compile("sgd", "categorical_crossentropy")
        self.assertFalse(logits(model).compiled)


if __name__ == "__main__":
    absltest.main()
