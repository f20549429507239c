"""Caches of answers that were given elsewhere."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.teachers import CachedTeacher
from keras_kd.teachers import cache_teacher
from tests import reference
from tests import support
from tests.teachers.answered import LOGITS
from tests.teachers.answered import Answered
from tests.teachers.answered import highest
from tests.teachers.answered import numbered
from tests.teachers.answered import read


def table():
    """A Keras model that answers X with LOGITS, bit for bit, by their order."""

    class Table(keras.Model):
        def __init__(self):
            super().__init__(name="table")
            self.rows = self.add_weight(shape=LOGITS.shape, name="rows")

        def build(self, shape):
            self.built = True

        def call(self, x):
            return keras.ops.take(self.rows, keras.ops.cast(x[:, 0], int), 0)

    model = Table()
    model(numbered()[:1])
    model.set_weights([LOGITS])
    return model


class SameCacheTest(Answered):
    """The cache is that of a teacher which gives these answers."""

    @parameterized.named_parameters(
        ("half", {}),
        ("single", {"dtype": "float32"}),
        ("top", {"top_k": 2}),
    )
    def test_its_files_are_those_of_cache_teacher(self, options):
        self.cache(LOGITS, **options)
        other = support.folder(self)
        cache_teacher(
            table(),
            numbered(),
            other,
            batch_size=8,
            examples_per_shard=16,
            verbose=0,
            **options,
        )
        # Their names tell the digests of what is in them.
        self.assertEqual(
            [path.name for path in self.shards()],
            [path.name for path in self.shards(other)],
        )

    def test_a_student_ends_with_the_same_bits(self):
        teacher = table()
        caches = [
            self.cache(LOGITS),
            cache_teacher(teacher, numbered(), support.folder(self), verbose=0),
        ]
        ended = []
        for cached in caches:
            keras.utils.set_random_seed(0)
            distiller = support.distiller(
                teacher=cached, student=support.dense(4, classes=5)
            )
            distiller.compile("adam", run_eagerly=True)
            data = cached.attach(numbered()).shuffle(43, seed=1).batch(16)
            distiller.fit(data, verbose=0)
            ended.append(support.values(distiller.student.weights))
        for one, other in zip(*ended, strict=True):
            np.testing.assert_array_equal(one, other)


class FormTest(Answered):
    @parameterized.named_parameters(
        ("list", lambda: [LOGITS[:7], LOGITS[7:8], LOGITS[8:]]),
        ("function", lambda: lambda: iter(np.split(LOGITS, [20, 21]))),
        (
            "data_set",
            lambda: tf.data.Dataset.from_tensor_slices(LOGITS).batch(9),
        ),
    )
    def test_batches_of_any_size_give_the_same_cache(self, make):
        expected = self.finished().fingerprint()
        other = self.cache(make(), folder=support.folder(self))
        self.assertEqual(other.fingerprint(), expected)

    def test_a_mapped_file_gives_the_same_cache(self):
        path = support.folder(self) / "logits.npy"
        np.save(path, LOGITS)
        mapped = np.load(path, mmap_mode="r")
        other = self.cache(mapped, folder=support.folder(self))
        self.assertEqual(other.fingerprint(), self.finished().fingerprint())

    def test_numbers_of_another_type_are_stored(self):
        cached = self.cache(LOGITS.astype("float64"), dtype="float32")
        np.testing.assert_array_equal(read(cached), LOGITS)

    def test_a_class_may_be_ruled_out(self):
        logits = LOGITS.copy()
        logits[3, 2] = -np.inf
        self.assertEqual(read(self.cache(logits))[3, 2], -np.inf)

    def test_sequences_have_answers_at_each_step(self):
        steps = np.stack([LOGITS, LOGITS + 1], axis=1)
        cached = self.cache(steps, dtype="float32")
        np.testing.assert_array_equal(read(cached), steps)

    def test_the_highest_keep_their_probabilities(self):
        answers = highest(LOGITS, 2)
        cached = self.cache(answers, num_classes=5, dtype="float32")
        p = reference.softmax(read(cached))
        rest = (1 - np.exp(answers["top_log_probabilities"]).sum(-1)) / 3
        expected = np.tile(rest[:, None], (1, 5))
        np.put_along_axis(
            expected,
            answers["top_classes"],
            np.exp(answers["top_log_probabilities"]),
            axis=-1,
        )
        np.testing.assert_allclose(p, expected, atol=1e-6)

    def test_the_highest_take_the_place_of_cut_logits(self):
        # Logits that are log-probabilities are the same answers.
        by_hand = self.cache(highest(LOGITS, 2), num_classes=5, dtype="float32")
        log_p = np.log(reference.softmax(LOGITS))
        cut = self.cache(
            log_p, top_k=2, dtype="float32", folder=support.folder(self)
        )
        self.assertEqual(by_hand.bytes_per_example, cut.bytes_per_example)
        np.testing.assert_allclose(read(by_hand), read(cut), atol=1e-5)

    def test_the_highest_may_have_all_the_probability(self):
        answers = {
            "top_log_probabilities": np.zeros((43, 1), "float32"),
            "top_classes": np.full((43, 1), 3),
        }
        p = reference.softmax(read(self.cache(answers, num_classes=5)))
        np.testing.assert_allclose(p[:, 3], 1, atol=1e-6)


class ResumeTest(Answered):
    def test_a_run_that_was_stopped_goes_on(self):
        asked = []

        def batches():
            for start in range(0, 43, 4):
                asked.append(start)
                if start == 24 and len(asked) > 11 and not self.is_whole:
                    raise KeyboardInterrupt
                yield LOGITS[start : start + 4]

        self.is_whole = False
        with self.assertRaises(KeyboardInterrupt):
            self.cache(batches)
        with self.assertRaisesRegex(ValueError, "finished cache"):
            CachedTeacher(self.folder)
        (first,) = self.shards()
        written = first.stat().st_mtime_ns
        self.is_whole = True
        resumed = self.cache(batches)
        self.assertEqual(first.stat().st_mtime_ns, written)
        expected = self.cache(LOGITS, folder=support.folder(self))
        self.assertEqual(resumed.fingerprint(), expected.fingerprint())

    def test_a_shard_that_was_lost_is_written_again(self):
        before = self.finished().fingerprint()
        self.shards()[1].unlink()
        self.assertEqual(self.cache(LOGITS).fingerprint(), before)

    @parameterized.named_parameters(
        ("answers", {}, "another teacher, or `answers`"),
        ("top_k", {"top_k": 2}, "`top_k`"),
        ("dtype", {"dtype": "float32"}, "`dtype`"),
    )
    def test_another_folder_is_needed_for_other(self, options, message):
        self.finished()
        answers = LOGITS if options else LOGITS[::-1]
        with self.assertRaisesRegex(ValueError, message):
            self.cache(answers, **options)

    def test_other_data_are_refused(self):
        self.finished()
        with self.assertRaisesRegex(ValueError, "same order.*Received: other"):
            self.cache(LOGITS, data=numbered()[::-1])


if __name__ == "__main__":
    absltest.main()
