"""What a cache refuses, and by what name."""

import pathlib
import shutil
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from keras_kd.teachers import cache_teacher
from tests import support

SLICES = tf.data.Dataset.from_tensor_slices


def teacher(seed=0, **kwargs):
    keras.utils.set_random_seed(seed)
    return support.dense(8, name="teacher", **kwargs)


def drain(data):
    for _ in data:
        pass


class Refusals(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory())
        )
        cls.written(cls.whole, teacher(), support.data(40))

    def setUp(self):
        super().setUp()
        self.folder = support.folder(self) / "cache"
        self.x, self.y = support.data(40)

    @staticmethod
    def written(folder, model, data, **kwargs):
        kwargs = {"batch_size": 8, "examples_per_shard": 16} | kwargs
        return cache_teacher(model, data, folder, verbose=0, **kwargs)

    def cache(self, model=None, data=None, **kwargs):
        data = (self.x, self.y) if data is None else data
        return self.written(self.folder, model or teacher(), data, **kwargs)

    def finished(self):
        """What `cache()` writes, copied from one that all tests share."""
        shutil.copytree(self.whole, self.folder)
        return keras_kd.teachers.CachedTeacher(self.folder)

    def shards(self):
        return sorted(self.folder.glob("*.tfrecord"))


class WritingTest(Refusals):
    def test_a_second_call_opens_the_cache(self):
        first = self.finished()
        times = [path.stat().st_mtime_ns for path in self.shards()]
        second = self.cache()
        self.assertEqual(first.fingerprint(), second.fingerprint())
        self.assertEqual(
            [path.stat().st_mtime_ns for path in self.shards()], times
        )

    @parameterized.named_parameters(
        ("dtype", {"dtype": "float32"}, "another `taps`, `dtype`"),
        ("top_k", {"top_k": 2}, "another `taps`, `dtype`"),
        ("taps", {"taps": ["hidden"]}, "another `taps`, `dtype`"),
        ("batch", {"batch_size": 4}, "another `batch_size`.*8 before, 4 now"),
        ("shard", {"examples_per_shard": 24}, "`examples_per_shard`"),
    )
    def test_refuses_other_arguments(self, changed, words):
        self.finished()
        with self.assertRaisesRegex(ValueError, words):
            self.cache(**changed)

    def test_refuses_another_teacher(self):
        self.finished()
        with self.assertRaisesRegex(ValueError, "begun with another teacher"):
            self.cache(teacher(seed=1))

    def test_refuses_a_teacher_that_computes_otherwise(self):
        self.finished()
        other = teacher(activation="tanh")
        with self.assertRaisesRegex(ValueError, "other values of output"):
            self.cache(other)

    def test_refuses_another_data_set(self):
        self.finished()
        with self.assertRaisesRegex(ValueError, "same order.*beginning"):
            self.cache(data=(self.x[::-1], self.y))

    def test_refuses_another_data_set_when_it_goes_on(self):
        self.finished()
        (self.folder / "manifest.json").unlink()
        self.shards()[-1].unlink()
        other = self.x.copy()
        other[20] += 1
        with self.assertRaisesRegex(ValueError, "the shard 'view-0000-shard-0"):
            self.cache(data=(other, self.y))

    def test_refuses_other_elements(self):
        self.finished()
        with self.assertRaisesRegex(ValueError, "begun with another data set"):
            self.cache(data=(self.x.astype("float64"), self.y))

    def test_a_deleted_shard_is_written_again(self):
        before = self.finished().fingerprint()
        self.shards()[1].unlink()
        with self.assertRaisesRegex(ValueError, "no such file"):
            keras_kd.teachers.CachedTeacher(self.folder)
        self.assertEqual(self.cache().fingerprint(), before)

    def test_refuses_batches(self):
        data = SLICES((self.x, self.y)).batch(8)
        with self.assertRaisesRegex(ValueError, "single examples.*`batch` awa"):
            self.cache(data=data)

    def test_refuses_data_without_end(self):
        with self.assertRaisesRegex(ValueError, "must end.*`repeat"):
            self.cache(data=SLICES(self.x).repeat())

    def test_refuses_no_examples(self):
        with self.assertRaisesRegex(ValueError, "at least one.*none"):
            self.cache(data=self.x[:0])

    def test_refuses_nan(self):
        self.x[21] = np.nan
        linear = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        with self.assertRaisesRegex(ValueError, "finite.*output as float16"):
            self.cache(linear)

    def test_refuses_numbers_beyond_half_precision(self):
        with self.assertRaisesRegex(ValueError, 'range.*dtype="float32"'):
            self.cache(data=1e6 * self.x)

    @parameterized.named_parameters(
        ("dtype", {"dtype": "int8"}, "`dtype` must be.*dtype='int8'"),
        ("top_k", {"top_k": 3}, "`top_k` must be below.*top_k=3"),
        ("no_top_k", {"top_k": 0}, "`top_k` must be an integer.*top_k=0"),
        ("views", {"views": 2}, "`augmentation` must be given.*views=2"),
        ("tap", {"taps": ["hiden"]}, "`taps` must.*taps='hiden'"),
        (
            "shard",
            {"examples_per_shard": 20},
            "multiple of `batch_size`.*examples_per_shard=20",
        ),
    )
    def test_refuses_arguments(self, changed, words):
        with self.assertRaisesRegex(ValueError, words):
            self.cache(**changed)

    def test_refuses_taps_as_text(self):
        with self.assertRaisesRegex(TypeError, r"Write taps=\['hidden'\]"):
            self.cache(taps="hidden")

    def test_refuses_what_is_no_teacher(self):
        with self.assertRaisesRegex(TypeError, "or a `FunctionTeacher`.*<buil"):
            self.cache(model=max)

    @pytest.mark.slow
    def test_refuses_an_augmentation_with_a_memory(self):
        def change(x, seed):
            return x + tf.random.uniform(x.shape)

        # A global seed makes such numbers repeat themselves in equal graphs,
        # but for the order in which threads draw them: hence several times.
        self.addCleanup(tf.random.set_seed, None)
        for seed in (None, *range(10)):
            tf.random.set_seed(seed)
            with self.assertRaisesRegex(ValueError, "same `x` for the same"):
                self.cache(augmentation=change)


class ReadingTest(Refusals):
    def test_refuses_an_unfinished_cache(self):
        self.finished()
        (self.folder / "manifest.json").unlink()
        with self.assertRaisesRegex(ValueError, "finished cache.*manifest.jso"):
            keras_kd.teachers.CachedTeacher(self.folder)

    def test_refuses_a_missing_augmentation(self):
        self.cache(augmentation=lambda x, seed: x + 1)
        with self.assertRaisesRegex(ValueError, "`augmentation` must be the o"):
            keras_kd.teachers.CachedTeacher(self.folder)

    def test_refuses_another_length(self):
        cached = self.finished()
        with self.assertRaisesRegex(ValueError, "as many.*39 examples.*of 40"):
            cached.attach(self.x[:39])

    @parameterized.parameters(16, 32, 39, 41, 48)
    def test_notices_another_length_while_reading(self, count):
        cached = self.finished()
        data = SLICES(np.concatenate([self.x, self.x])[:count])
        data = data.filter(lambda x: True)  # Of unknown length.
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "as many examples as the cache"
        ):
            drain(cached.attach(data))

    def test_notices_another_order_while_reading(self):
        cached = self.finished()
        data = SLICES(self.x[[1, 0, *range(2, 40)]])
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, "in the same order"
        ):
            drain(cached.attach(data))

    def test_notices_another_order_of_arrays(self):
        cached = self.finished()
        with self.assertRaisesRegex(ValueError, "in the same order"):
            cached.attach(self.x[[*range(38), 39, 38]])

    @parameterized.named_parameters(
        ("sign", lambda x: -x), ("scale", lambda x: x * 2)
    )
    def test_notices_other_preparation(self, change):
        cached = self.finished()
        with self.assertRaisesRegex(ValueError, "in the same order"):
            cached.attach(change(self.x))

    def test_refuses_other_elements(self):
        cached = self.finished()
        with self.assertRaisesRegex(ValueError, "like those.*uint8"):
            cached.attach(self.x.astype("uint8"))

    def test_refuses_an_unknown_view(self):
        cached = self.finished()
        with self.assertRaisesRegex(ValueError, "below 1.*view=1"):
            cached.attach(self.x, view=1)


if __name__ == "__main__":
    absltest.main()
