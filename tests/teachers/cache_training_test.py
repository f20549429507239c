"""Training on a cache equals training with the teacher itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
from tests import support
from tests.replicas import two_replicas

BATCH = 8
IMAGES = (6, 6, 1)


def network(width, name):
    return keras.Sequential(
        [
            keras.Input(IMAGES),
            keras.layers.Flatten(),
            keras.layers.Dense(width, activation="relu", name="hidden"),
            keras.layers.Dense(4, name="head"),
        ],
        name=name,
    )


def images(count):
    rng = np.random.default_rng(0)
    x = rng.random((count, *IMAGES)).astype("float32")
    return x, rng.integers(0, 4, count)


def shifts():
    return keras_kd.teachers.Augmentation(
        [
            keras.layers.RandomTranslation(0.3, 0.3),
            keras.layers.RandomFlip(),
        ]
    )


def without_rows(x, y):
    return keras_kd.batch.split(x)[0], y


def trained(teacher, data, epochs=3, is_shuffled=True):
    """Weights of a student after training."""
    keras.utils.set_random_seed(1)
    distiller = keras_kd.Distiller(
        teacher=teacher,
        student=network(5, "student"),
        distillation_losses=[
            keras_kd.losses.SoftTargets(2.0),
            keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
        ],
    )
    # XLA may round otherwise where the teacher is a part of what it compiles.
    distiller.compile("adam", loss=support.cross_entropy(), jit_compile=False)
    if is_shuffled:
        # A fresh order each epoch, the same for every caller.
        data = data.shuffle(int(data.cardinality()), seed=5)
    distiller.fit(data.batch(BATCH), epochs=epochs, verbose=0)
    return support.values(distiller.weights)


@support.eager_tests
class CachedTrainingTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keras.utils.set_random_seed(0)
        cls.teacher = network(16, "teacher")

    def cached(self, data, **kwargs):
        kwargs = {"dtype": "float32", "batch_size": BATCH} | kwargs
        return keras_kd.teachers.cache_teacher(
            self.teacher,
            data,
            support.folder(self),
            taps=["hidden"],
            verbose=0,
            **kwargs,
        )

    @parameterized.named_parameters(
        ("arrays", lambda data: data),
        ("data_set", tf.data.Dataset.from_tensor_slices),
    )
    def test_one_view_ends_bit_equal(self, convert):
        data = images(40)
        cached = self.cached(data, examples_per_shard=16)
        online = trained(self.teacher, tf.data.Dataset.from_tensor_slices(data))
        offline = trained(cached, cached.attach(convert(data)))
        for one, other in zip(online, offline, strict=True):
            np.testing.assert_array_equal(one, other)

    @pytest.mark.slow
    def test_several_views_end_bit_equal(self):
        cached = self.cached(images(40), views=3, augmentation=shifts())
        data = cached.attach(images(40))
        online = trained(self.teacher, data.map(without_rows))
        offline = trained(cached, data)
        for one, other in zip(online, offline, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_views_differ_from_each_other(self):
        # The control of the test above: its views are no copies.
        cached = self.cached(images(8), views=2, augmentation=shifts())
        first, second = (
            np.stack([x["x"] for x, _ in cached.attach(images(8), view=view)])
            for view in (0, 1)
        )
        self.assertGreater(np.mean(np.abs(first - second)), 0.05)

    @pytest.mark.slow
    def test_partial_batches_end_nearly_equal(self):
        data = images(45)
        cached = self.cached(data, batch_size=32)
        online = trained(self.teacher, tf.data.Dataset.from_tensor_slices(data))
        offline = trained(cached, cached.attach(data))
        self.assertLess(support.largest_difference(online, offline), 1e-4)

    def test_logits_are_those_of_the_teacher(self):
        x, y = images(45)
        cached = self.cached((x, y), batch_size=32)
        rows, _ = next(iter(cached.attach((x, y)).batch(45)))
        logits, taps = cached.read(rows["keras_kd"]["teacher"])
        np.testing.assert_allclose(logits, self.teacher(x), rtol=1e-5)
        self.assertEqual(taps["hidden"].shape, (45, 16))

    @pytest.mark.slow
    def test_two_replicas_equal_one_device(self):
        data = images(40)
        cached = self.cached(data)
        # A strategy shuffles in another order.
        one = trained(cached, cached.attach(data), is_shuffled=False)
        with two_replicas().scope():
            two = trained(cached, cached.attach(data), is_shuffled=False)
        self.assertLess(support.largest_difference(one, two), 1e-6)

    def test_shards_of_workers_keep_rows_with_their_examples(self):
        data = images(40)
        attached = self.cached(data, examples_per_shard=8).attach(data)
        for index in range(3):
            for x, _ in attached.shard(3, index).batch(4):
                x, rows = keras_kd.batch.split(x)
                (row,) = rows["teacher"].values()
                np.testing.assert_allclose(
                    row["output"], self.teacher(x), rtol=1e-4, atol=1e-6
                )


class EnsembleTest(parameterized.TestCase):
    def live_and_cached(self, combine, temperature):
        """Values of the loss, with the ensemble and with its cache."""
        keras.utils.set_random_seed(0)
        teacher = keras_kd.teachers.EnsembleTeacher(
            [network(16, "a"), network(8, "b")], combine=combine
        )
        x, _ = images(24)
        cached = keras_kd.teachers.cache_teacher(
            teacher, x, support.folder(self), dtype="float32", verbose=0
        )
        loss = keras_kd.losses.SoftTargets(temperature)
        student = network(5, "student")(x)
        batch = next(iter(cached.attach(x).batch(24)))
        stored, _ = cached.read(batch["keras_kd"]["teacher"])
        return loss(teacher(x), student), loss(stored, student)

    @parameterized.product(
        combine=("arithmetic", "geometric"), temperature=(1.0, 4.0)
    )
    def test_live_equals_cached(self, combine, temperature):
        live, cached = self.live_and_cached(combine, temperature)
        np.testing.assert_allclose(live, cached, atol=1e-6)


support.mark_slow(CachedTrainingTest, "test_one_view", but=["_arrays"])


if __name__ == "__main__":
    absltest.main()
