"""Inputs of several parts: what a cache answers is what the teacher does."""

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support

A, B = np.random.default_rng(0).normal(size=(2, 12, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 12)
STRUCTURES = {
    "tuple": (A, B),
    "list": [A, B],
    "dict": {"a": A, "b": B},
}


def of_two(seed):
    keras.utils.set_random_seed(seed)
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    joined = keras.layers.Concatenate()([a, b])
    return keras.Model([a, b], keras.layers.Dense(3)(joined))


def sliced(data):
    return tf.data.Dataset.from_tensor_slices(data)


def flipped(x, seed):
    """Exchanges the two inputs of an example, or not, as its seed has it."""
    a, b = x
    is_even = seed[1] % 2 == 0
    return tf.where(is_even, b, a), tf.where(is_even, a, b)


@support.eager_tests
class StructuresTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.teacher, self.student = of_two(0), of_two(1)

    def logged(self, teacher, *data):
        distiller = support.distiller(teacher=teacher, student=self.student)
        distiller.compile("sgd")
        return support.evaluated(distiller, *data)["soft_targets"]

    def cached(self, data, **kwargs):
        return keras_kd.teachers.cache_teacher(
            self.teacher,
            data,
            support.folder(self),
            dtype="float32",
            verbose=0,
            **kwargs,
        )

    @parameterized.named_parameters(STRUCTURES.items())
    def test_arrays_with_labels(self, x):
        cached = self.cached((x, Y))
        self.assertEqual(cached.num_examples, 12)
        found = self.logged(cached, cached.attach((x, Y)).batch(12))
        self.assertAlmostEqual(found, self.logged(self.teacher, x), places=6)

    def test_arrays_without_labels(self):
        # A tuple is `(x, y)`, as for `fit`.
        for x in (STRUCTURES["list"], STRUCTURES["dict"]):
            cached = self.cached(x)
            found = self.logged(cached, cached.attach(x).batch(12))
            live = self.logged(self.teacher, x)
            self.assertAlmostEqual(found, live, places=6)

    @parameterized.parameters(((A, B), Y), ((A, B),), ({"a": A, "b": B}, Y))
    def test_data_sets(self, *parts):
        data = sliced(parts)
        cached = self.cached(data)
        found = self.logged(cached, cached.attach(data).batch(12))
        live = self.logged(self.teacher, data.batch(12))
        self.assertAlmostEqual(found, live, places=6)

    @pytest.mark.slow
    def test_arrays_may_be_attached_as_a_data_set(self):
        cached = self.cached(([A, B], Y))
        found = self.logged(cached, cached.attach(sliced(((A, B), Y))).batch(4))
        live = self.logged(self.teacher, (A, B))
        self.assertAlmostEqual(found, live, places=6)

    @pytest.mark.slow
    def test_augmented_views(self):
        cached = self.cached(((A, B), Y), augmentation=flipped, views=1)
        found = self.logged(cached, cached.attach(((A, B), Y)).batch(12))
        # Examples are numbered from 0, and the even ones are exchanged.
        is_even = (np.arange(12) % 2 == 0)[:, None]
        x = np.where(is_even, B, A), np.where(is_even, A, B)
        self.assertAlmostEqual(found, self.logged(self.teacher, x), places=6)

    def test_a_function_gets_the_structure(self):
        teacher = keras_kd.teachers.FunctionTeacher(
            lambda x: x[0][:, :3] - x[1][:, :3],
            num_classes=3,
            from_logits=True,
            identity="1",
        )
        cached = keras_kd.teachers.cache_teacher(
            teacher, ((A, B), Y), support.folder(self), dtype="float32"
        )
        rows = next(iter(cached.attach(((A, B), Y)).batch(12)))[0]
        logits, _ = cached.read(keras_kd.batch.split(rows)[1]["teacher"])
        np.testing.assert_allclose(logits, (A - B)[:, :3], rtol=1e-6)

    @pytest.mark.slow
    def test_a_search_takes_them(self):
        hypermodel = keras_kd.search.DistillationHyperModel(
            teacher=self.teacher,
            student=self.student,
            data=((A, B), Y),
            cache_directory=support.folder(self),
            loss=support.cross_entropy(),
        )
        hp = keras_tuner.HyperParameters()
        distiller = hypermodel.build(hp)
        history = hypermodel.fit(hp, distiller, verbose=0)
        self.assertTrue(np.isfinite(history.history["soft_targets"][0]))

    def test_lengths_that_differ_need_batches_of_one(self):
        def examples():
            for length in (3, 2, 4):
                yield np.ones((length, 2), "float32"), 0

        data = tf.data.Dataset.from_generator(
            examples,
            output_signature=(
                tf.TensorSpec((None, 2)),
                tf.TensorSpec((), tf.int64),
            ),
        ).apply(tf.data.experimental.assert_cardinality(3))
        self.teacher = keras.Sequential(
            [
                keras.Input((None, 2)),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(3),
            ]
        )
        with self.assertRaisesRegex(
            ValueError, r"of one shape.*\(2, 2\) and of.*\(3, 2\).*batch_size=1"
        ):
            self.cached(data)
        cached = self.cached(data, batch_size=1)
        self.assertLen(list(cached.attach(data)), 3)


support.mark_slow(StructuresTest, "test_arrays_with_labels", but=["_dict"])
support.mark_slow(StructuresTest, "test_data_sets", but=["0"])


if __name__ == "__main__":
    absltest.main()
