"""The highest logits as a cache stores them, on their way to a loss."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from keras import ops

import keras_kd
from keras_kd._core import ensemble_logits
from keras_kd._core import reduction
from keras_kd._core import top_logits
from keras_kd.teachers._cache import layout
from tests import reference
from tests import support


def spec(*shape):
    return keras.KerasTensor((None, *shape), "float32")


class TopTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.logits = ops.convert_to_tensor(
            random.normal(size=(2, 4, 9)).astype("float32")
        )
        self.expected = top_logits.encode(self.logits, 2)

    def assert_expected(self, top):
        for key, value in self.expected.items():
            np.testing.assert_allclose(top[key], value, rtol=1e-6)

    def test_the_only_output(self):
        plan = layout.plan(spec(4, 9), (), {}, (), "float32", 2)
        self.assert_expected(plan.top(plan.encode(self.logits, {})))

    def test_has_the_mask_of_the_logits(self):
        counts = np.array([[1, 1, 0, 0], [1, 1, 1, 0]], bool)
        plan = layout.plan(spec(4, 9), (), {}, (), "float32", 2, ([(4,)], {}))
        masked = reduction.with_mask(self.logits, ops.convert_to_tensor(counts))
        top = plan.top(plan.encode(masked, {}))
        np.testing.assert_array_equal(ensemble_logits.read_mask(top), counts)

    def test_outputs_whose_logits_are_all_stored_have_none(self):
        output = {"token": spec(4, 9), "number": keras.KerasTensor((None, 3))}
        plan = layout.plan(output, tuple(output), {}, (), "float32", 2)
        plan.fields["output.number"] = layout.Field((3,), "float32")
        number = ops.ones((2, 3))
        arrays = plan.encode({"token": self.logits, "number": number}, {})
        found = plan.top(arrays)
        self.assert_expected(found["token"])
        self.assertIsNone(found["number"])


def reader(width):
    """A net that scores 9 words at each step; word 0 is padding."""
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(
                9, width, keras.initializers.RandomNormal(), mask_zero=True
            ),
            keras.layers.Dense(9),
        ]
    )


class OpenLengthTest(absltest.TestCase):
    """A teacher that leaves the length of its texts open."""

    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(0)
        self.teacher = reader(6)
        self.teacher.set_weights([5 * w for w in self.teacher.get_weights()])

    def cached(self, texts, **options):
        return keras_kd.teachers.cache_teacher(
            self.teacher,
            texts,
            support.folder(self),
            top_k=3,
            dtype="float32",
            verbose=0,
            **options,
        )

    @support.eagerly()
    def test_the_data_tell_the_length(self):
        texts = np.array([[1, 2, 3, 0], [4, 5, 6, 7]])
        cached, student = self.cached(texts), reader(2)
        distiller = keras_kd.Distiller(
            teacher=cached,
            student=student,
            distillation_losses=keras_kd.losses.SoftTargets(2.0),
        )
        distiller.compile("sgd")
        logs = support.evaluated(distiller, cached.attach(texts).batch(2))

        # The six lowest words of nine share what they have evenly.
        logits = reference.float64(self.teacher(texts))
        order = np.argsort(logits, axis=-1)[..., :6]
        low = np.take_along_axis(logits, order, axis=-1)
        even = np.log(np.exp(low).mean(axis=-1, keepdims=True))
        np.put_along_axis(logits, order, even, axis=-1)
        expected = reference.soft_targets(
            logits, reference.float64(student(texts)), 2.0
        )
        np.testing.assert_allclose(
            logs["soft_targets"], expected[texts > 0].mean(), rtol=1e-4
        )

    def test_other_lengths_are_refused(self):
        texts = tf.data.Dataset.from_generator(
            lambda: iter([[1, 2, 3], [4, 5]]),
            output_signature=tf.TensorSpec((None,), "int32"),
        ).apply(tf.data.experimental.assert_cardinality(2))
        message = r"of one length.*\(2, 3\), after one of \(3, 3\).*Pad"
        with self.assertRaisesRegex(ValueError, message):
            self.cached(texts, batch_size=1)


if __name__ == "__main__":
    absltest.main()
