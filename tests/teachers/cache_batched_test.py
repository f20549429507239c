"""Caches for data that come in batches."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.teachers import cache_teacher
from tests import support

X, Y = support.data(43)
WEIGHTS = np.linspace(0, 1, 43)
SIZE = 10  # So that the last batch has 3.


class Batches(keras.utils.PyDataset):
    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    @property
    def num_batches(self):
        return -(-len(X) // SIZE)

    def __getitem__(self, index):
        chosen = slice(SIZE * index, SIZE * (index + 1))
        found = keras.tree.map_structure(
            lambda a: None if a is None else a[chosen], self.arrays
        )
        return found if len(found) > 1 else found[0]


class Endless(Batches):
    num_batches = None


def generator(*arrays):
    yield from map(Batches(*arrays).__getitem__, range(5))


class Loader:
    """A loader as those of PyTorch: batches are lists."""

    def __iter__(self):
        return map(list, generator(X, Y, WEIGHTS))


class BatchedTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher = support.dense(8, name="teacher")

    def cache(self, data, **kwargs):
        return cache_teacher(
            self.teacher,
            data,
            support.folder(self),
            batch_size=8,
            examples_per_shard=16,
            verbose=0,
            **kwargs,
        )

    @parameterized.named_parameters(
        ("data_set", Batches(X, Y, WEIGHTS)),
        ("generator", lambda: generator(X, Y, WEIGHTS)),
        ("loader", Loader()),
    )
    def test_gives_the_cache_of_the_arrays(self, data):
        expected = self.cache((X, Y, WEIGHTS))
        actual = self.cache(data)
        self.assertEqual(actual.fingerprint(), expected.fingerprint())
        # Either is attached to the other's data.
        attached = [
            list(one.attach(other).batch(43))[0]
            for one, other in ((actual, (X, Y, WEIGHTS)), (expected, data))
        ]
        for one, other in zip(
            *(keras.tree.flatten(a) for a in attached), strict=True
        ):
            np.testing.assert_array_equal(one, other)

    @parameterized.named_parameters(
        ("x_alone", (X,), lambda x: x),
        ("dict", ({"a": X, "b": X},), lambda x: x["a"], "a"),
        ("without_weights", (X, Y, None), lambda x, y: x),
    )
    def test_batches_may_be(self, arrays, take, inputs=None):
        data = Batches(*arrays)
        cached = self.cache(data, teacher_inputs=inputs)
        self.assertEqual(cached.num_examples, 43)

        def without_rows(x, *others):
            return take(keras_kd.batch.split(x)[0], *others)

        (x,) = cached.attach(data).map(without_rows).batch(43)
        np.testing.assert_array_equal(x, X)

    @pytest.mark.slow
    def test_views_are_augmented_alike(self):
        options = {
            "views": 2,
            "augmentation": lambda x, seed: (
                x + tf.random.stateless_uniform(x.shape, seed)
            ),
        }
        options["augmentation"].keeps_positions = True
        expected = self.cache((X, Y), **options).attach((X, Y))
        data = Batches(X, Y)
        actual = self.cache(data, **options).attach(data)
        for one, other in zip(expected, actual, strict=True):
            np.testing.assert_array_equal(one[0]["x"], other[0]["x"])

    def test_other_batches_are_refused(self):
        cached = self.cache(Batches(X, Y))
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "same order"
        ):
            list(cached.attach(Batches(X[::-1], Y)))
        with self.assertRaisesRegex(ValueError, "begun with another|examples"):
            list(cached.attach(Batches(X.astype("float64"), Y)))

    @parameterized.named_parameters(
        ("generator", lambda: generator(X, Y), "type generator"),
        ("iterator", lambda: iter(list(generator(X, Y))), "list_iterator"),
    )
    def test_what_ends_for_good_is_refused(self, make, kind):
        for ask in (self.cache, self.cache((X, Y)).attach):
            with self.assertRaisesRegex(
                ValueError, f"begin anew.*{kind}.*call"
            ):
                ask(make())
        # The remedy: the function in place of what it returns.
        self.assertEqual(self.cache(make).num_examples, 43)

    def test_a_function_that_gives_the_same_generator_is_refused(self):
        one = generator(X, Y)
        with self.assertRaisesRegex(
            ValueError, "`dataset` must be able to beg"
        ):
            self.cache(lambda: one)

    @parameterized.named_parameters(
        ("endless", Endless(X, Y), ValueError, "must end.*num_batches=None"),
        ("empty", lambda: iter(()), ValueError, "one example.*no batch"),
        ("number", lambda: 3, TypeError, "must give batches.*returned int"),
        ("name", "data", TypeError, "PyDataset.*Received: dataset of type str"),
    )
    def test_refuses(self, data, error, message):
        with self.assertRaisesRegex(error, message):
            self.cache(data)


if __name__ == "__main__":
    absltest.main()
