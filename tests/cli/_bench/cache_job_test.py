import dataclasses
import pathlib
import shutil
import tempfile
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import batch
from keras_kd.cli._bench import arms
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.teachers._cache import shards
from tests import support
from tests.cli import small_jobs


@pytest.mark.slow
class DefaultTeacherTest(absltest.TestCase):
    """A cache is written once, and each test has a copy of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.finished = pathlib.Path(made.name) / "cache"
        cls.cached, cls.text = small_jobs.cache(cls.finished)

    def setUp(self):
        super().setUp()
        self.folder = support.folder(self) / "cache"
        shutil.copytree(self.finished, self.folder)

    def files(self):
        return {
            path.name: path.stat().st_mtime_ns
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != "lock"
        }

    def test_second_call_trains_and_writes_nothing(self):
        self.assertEqual(self.cached.num_examples, 60)
        self.assertIn("Written to", self.text)
        size = sum(p.stat().st_size for p in self.folder.glob("*.tfrecord"))
        self.assertIn(
            f"60 examples, {size:,} bytes", " ".join(self.text.split())
        )
        before = self.files()

        with mock.patch.object(arms.Bench, "train_teacher") as train:
            _, text = small_jobs.cache(self.folder)

        train.assert_not_called()
        self.assertIn("Kept from before", text)
        self.assertEqual(self.files(), before)

    def test_interrupted_while_writing_goes_on_with_the_same_teacher(self):
        folder = support.folder(self) / "cache"
        with mock.patch.object(
            shards.ShardWriter, "close", side_effect=KeyboardInterrupt
        ):
            with self.assertRaises(KeyboardInterrupt):
                small_jobs.cache(folder)
        with mock.patch.object(arms.Bench, "train_teacher") as train:
            cached, text = small_jobs.cache(folder)
        train.assert_not_called()
        self.assertEqual(cached.num_examples, 60)
        self.assertIn("Written to", text)

    def test_a_folder_of_an_older_version_is_learned_from(self):
        # Its teacher was kept without digests.
        small_jobs.cache(self.folder)
        for name in ("digests", "lock"):
            (self.folder / "state" / name).unlink()
        with mock.patch.object(arms.Bench, "train_teacher") as train:
            _, text = small_jobs.run(
                support.folder(self), cache=str(self.folder), seeds=1
            )
            with self.assertRaisesRegex(UnusableError, "an older version"):
                small_jobs.cache(self.folder)
        train.assert_not_called()
        self.assertIn("distilled, seed 0", text)

    def test_refuses_a_teacher_trained_otherwise(self):
        with self.assertRaisesRegex(
            UnusableError,
            "`--output` must be an empty.*--epochs=1, now 2. Choose another "
            r"folder, such as --output=\S+\.$",
        ):
            small_jobs.cache(self.folder, epochs=2)

    def test_refuses_other_data(self):
        with self.assertRaisesRegex(
            UnusableError, "`--output`.*with other images"
        ):
            small_jobs.cache(self.folder, small_jobs.data(num_train=63))

    def test_refuses_other_numbers_in_the_same_folder(self):
        with self.assertRaisesRegex(
            UnusableError, "cache in --output=.*begun with another .*`dtype`"
        ):
            small_jobs.cache(self.folder, dtype="float32")


class GivenTeacherTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.parent = support.folder(self)
        self.folder = self.parent / "cache"

    def save(self, **arguments):
        net = small_jobs.net(**arguments)
        return net, small_jobs.save(self.parent, net)

    def test_stores_logits_of_all_training_images_in_their_order(self):
        teacher, path = self.save(activation="softmax")
        cached, _ = small_jobs.cache(
            self.folder, teacher=path, taps=("hidden",), dtype="float32"
        )
        images = small_jobs.data().train_images
        (x,) = cached.attach(images).batch(60).as_numpy_iterator()
        output, tapped = cached.read(batch.split(x)[1]["teacher"])
        hidden = np.maximum(
            images.reshape(60, -1) @ teacher.get_weights()[0]
            + teacher.get_weights()[1],
            0,
        )
        logits = hidden @ teacher.get_weights()[2] + teacher.get_weights()[3]
        np.testing.assert_allclose(tapped["hidden"], hidden, atol=1e-5)
        np.testing.assert_allclose(output, logits, atol=1e-5)

    def test_stores_fewer_bytes_of_the_highest_logits(self):
        _, path = self.save()
        cached, _ = small_jobs.cache(self.folder, teacher=path, top_k=1)
        # Two halves, a byte for the class, eight for the example's hash.
        self.assertEqual(cached.bytes_per_example, 2 * 2 + 1 + 8)

    def test_refuses_a_layer_that_is_not_there(self):
        _, path = self.save()
        with self.assertRaisesRegex(
            UnusableError, "--output=.*cannot be used.*'hiden'.*hidden"
        ):
            small_jobs.cache(self.folder, teacher=path, taps=("hiden",))

    def test_refuses_to_keep_all_logits_as_the_highest(self):
        _, path = self.save()
        with self.assertRaisesRegex(
            UnusableError, "`top_k` must be below.*top_k=3"
        ):
            small_jobs.cache(self.folder, teacher=path, top_k=3)

    def test_refuses_another_teacher(self):
        net, path = self.save()
        small_jobs.cache(self.folder, teacher=path)
        net.set_weights([w + 1 for w in net.get_weights()])
        small_jobs.save(self.parent, net)
        with self.assertRaisesRegex(
            UnusableError,
            "`--output` must be the cache of this teacher.*Received: --output=",
        ):
            small_jobs.cache(self.folder, teacher=path)

    def test_refuses_other_images(self):
        _, path = self.save()
        small_jobs.cache(self.folder, teacher=path)
        data = small_jobs.data()
        data = dataclasses.replace(data, train_images=data.train_images[::-1])
        with self.assertRaisesRegex(UnusableError, "same order"):
            small_jobs.cache(self.folder, data, teacher=path)

    def test_asks_for_the_teacher_of_a_cache_before_it_trains_one(self):
        _, path = self.save()
        small_jobs.cache(self.folder, teacher=path)
        with mock.patch.object(arms.Bench, "train_teacher") as train:
            with self.assertRaisesRegex(
                UnusableError,
                "`--teacher` must be given.*Received: --output=.* without",
            ):
                small_jobs.cache(self.folder)
        train.assert_not_called()

    def test_refuses_a_folder_that_cannot_be_written(self):
        _, path = self.save()
        with self.assertRaisesRegex(UnusableError, "`--output` must be a fold"):
            small_jobs.cache(path, teacher=path)


if __name__ == "__main__":
    absltest.main()
