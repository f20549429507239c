import dataclasses
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest

from keras_kd.cli._bench import answers
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import prepare
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import resolve
from tests import support
from tests.cli import small_jobs


class CachedTest(absltest.TestCase):
    """Cases with a teacher of the user and a place for a cache."""

    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.cache = str(self.folder / "cache")
        self.net = small_jobs.net(name="theirs")
        self.teacher = small_jobs.save(self.folder, self.net)

    def run_with(self, output="output", **arguments):
        return small_jobs.run(self.folder / output, **arguments)


class SameResultTest(CachedTest):
    @pytest.mark.slow
    def test_students_learn_the_same_as_from_the_teacher_itself(self):
        small_jobs.cache(self.cache, teacher=self.teacher, dtype="float32")
        given = {"teacher": self.teacher, "epochs": 2, "seeds": 1}
        live, _ = self.run_with("live", **given)
        cached, text = self.run_with("cached", cache=self.cache, **given)

        for arm in arms.ARMS:
            for ours, theirs in zip(
                cached.figures[arm].histories,
                live.figures[arm].histories,
                strict=True,
            ):
                self.assertEqual(list(ours), list(theirs))
                for key in ours:
                    np.testing.assert_allclose(
                        ours[key], theirs[key], rtol=1e-4, err_msg=key
                    )
        names = [
            f"{folder}/state/distilled_seed0.npz"
            for folder in ("cached", "live")
        ]
        ours, theirs = (np.load(self.folder / n)["logits"] for n in names)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
        report = (self.folder / "cached" / "report.md").read_text()
        for written in (text, report):
            self.assertIn("learn from a cache of the teacher's ans", written)

    def test_each_image_has_the_answer_about_itself(self):
        data = small_jobs.data()
        cached, _ = small_jobs.cache(
            self.cache, teacher=self.teacher, dtype="float32"
        )
        bench = arms.Bench(
            resolve(Settings(fraction=0.5)),
            data,
            data_sets.hold_out(data),
            num_classes=3,
            teacher=self.net,
            student=small_jobs.net(),
        )
        bench = prepare.with_answers(bench, cached)
        for seed in (0, 1):
            part = bench.part(seed)
            x = bench.answers.beside(part.train_images, bench.numbers(seed))
            output, _ = cached.read(x["keras_kd"]["teacher"])
            expected = self.net.predict(part.train_images, verbose=0)
            np.testing.assert_allclose(output, expected, atol=1e-5)

    @pytest.mark.slow
    def test_the_teacher_does_not_run_in_training(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        made = []
        real = arms.Distiller

        def distiller(**arguments):
            made.append(arguments["teacher"])
            return real(**arguments)

        with mock.patch.object(arms, "Distiller", distiller):
            self.run_with(teacher=self.teacher, cache=self.cache, seeds=1)
        self.assertTrue(made)
        for teacher in made:
            self.assertEqual(str(teacher.directory), self.cache)


class WriteFirstTest(CachedTest):
    @pytest.mark.slow
    def test_fills_an_empty_folder_and_says_so(self):
        _, text = self.run_with(cache=self.cache, seeds=1)
        self.assertIn("holds no finished cache: it is written now", text)
        _, text = self.run_with(cache=self.cache, seeds=2)
        self.assertNotIn("written now", text)
        self.assertIn("student alone, seed 0", text)

    @pytest.mark.slow
    def test_the_teacher_kept_in_the_folder_is_not_trained_again(self):
        small_jobs.cache(self.cache)
        with mock.patch.object(arms.Bench, "train_teacher") as train:
            self.run_with(cache=self.cache, seeds=1)
            # Also from the first job's folder.
            self.run_with(cache=self.cache, seeds=1)
        train.assert_not_called()

    @pytest.mark.slow
    def test_another_job_uses_the_cache_of_the_first(self):
        self.run_with("first", cache=self.cache, seeds=1)
        with mock.patch.object(arms.Bench, "train_teacher") as train:
            _, text = self.run_with(
                "second", cache=self.cache, seeds=1, temperature=2.0
            )
        train.assert_not_called()
        self.assertNotIn("written now", text)

    @pytest.mark.slow
    def test_stores_the_layers_that_the_method_needs(self):
        self.run_with(
            teacher=self.teacher, cache=self.cache, method="hints", seeds=1
        )
        cached, _ = small_jobs.cache(
            self.cache, teacher=self.teacher, taps=("hidden",)
        )
        self.assertEqual(cached.taps, ("hidden",))

    @pytest.mark.slow
    def test_a_shard_that_was_deleted_is_written_again(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        (shard,) = (self.folder / "cache").glob("*.tfrecord")
        shard.unlink()
        _, text = self.run_with(teacher=self.teacher, cache=self.cache, seeds=1)
        self.assertIn("written now", text)
        self.assertTrue(shard.exists())


class RefusalTest(CachedTest):
    """Each before anything is trained."""

    def assert_refuses(self, regex, **arguments):
        arguments = {"teacher": self.teacher, "cache": self.cache} | arguments
        with mock.patch.object(arms.Bench, "_fit") as fit:
            with self.assertRaisesRegex(UnusableError, regex):
                self.run_with(**arguments)
        fit.assert_not_called()

    def test_another_teacher(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        self.net.set_weights([w + 1 for w in self.net.get_weights()])
        other = small_jobs.save(self.folder, self.net, "other.keras")
        self.assert_refuses(
            "`--cache` must be the cache of this teacher.*Received: --cache=",
            teacher=other,
        )

    def test_no_teacher_for_the_cache_of_a_saved_model(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        self.assert_refuses(
            "`--teacher` must be given.*Received: --cache=.* without --teacher",
            teacher=None,
        )

    def test_images_in_another_order(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        data = small_jobs.data()
        data = dataclasses.replace(data, train_images=data.train_images[::-1])
        self.assert_refuses(
            "`--cache` must be a cache of this data set.*Received: --cache=.*"
            "written for other images. Choose an empty",
            the_data=data,
        )

    def test_another_number_of_images(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        self.assert_refuses(
            "`--cache` must be a cache of this data set.*63 examples",
            the_data=small_jobs.data(num_train=63),
        )

    def test_a_layer_that_is_not_stored(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        self.assert_refuses(
            "`--cache` must hold every layer.*--method=hints.*Received: "
            "--cache=.* without hidden. Choose an empty folder",
            method="hints",
        )

    def test_a_damaged_shard(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        (shard,) = (self.folder / "cache").glob("*.tfrecord")
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
        self.assert_refuses(f"--cache=.*cannot be used.*{shard.name}")

    def test_a_damaged_plan(self):
        small_jobs.cache(self.cache, teacher=self.teacher)
        (self.folder / "cache" / "plan.json").write_text("{}")
        self.assert_refuses("--cache=.*cannot be used.*plan.json")

    def test_more_than_fits_in_memory(self):
        with mock.patch.object(answers, "MAX_BYTES", 359):
            # Three halves for each of 60 images.
            self.assert_refuses(
                "must fit in.*Received: 60 images with 6 bytes each.*Leave"
            )
        small_jobs.cache(self.cache, teacher=self.teacher)
        with mock.patch.object(answers, "MAX_BYTES", 60):
            self.assert_refuses("must fit in.*Received: 60 images")

    def test_the_output_folder(self):
        self.assert_refuses(
            "`--cache` must be another folder than `--output`.*Received: --ca",
            cache=str(self.folder / "output"),
        )

    def test_a_folder_that_cannot_be_written(self):
        self.assert_refuses(
            "`--cache` must be a folder that can be written",
            cache=self.teacher,
        )


if __name__ == "__main__":
    absltest.main()
