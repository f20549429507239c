"""The benchmark of losses over many classes, on few of them."""

import contextlib
import io
import json
import pathlib
import tempfile
from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from benchmarks import vocabulary
from benchmarks import vocabulary_losses
from benchmarks.vocabulary_losses import FLOOR
from tests import support

OURS = "SoftTargets"
DATA = vocabulary_losses.Data(rows=3, classes=5)


class LossesTest(parameterized.TestCase):
    @parameterized.parameters(OURS, "plain formula", "keras.distillation")
    def test_those_of_the_same_purpose_have_one_gradient(self, name):
        expected = vocabulary_losses.make_step(FLOOR, DATA)()[1]
        _, actual = vocabulary_losses.make_step(name, DATA)()
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-7)

    @support.eagerly()
    def test_a_step_in_chunks_updates_as_one_with_logits(self):
        logs = []
        for name in vocabulary_losses.STEPS:
            keras.utils.set_random_seed(0)
            step = vocabulary_losses.make_step(name, DATA)
            logs.append([float(step()["loss"]) for _ in range(2)])
        np.testing.assert_allclose(*logs, rtol=1e-5)

    def test_a_step_begins_anew(self):
        step = vocabulary_losses.make_step(OURS, DATA)
        first, second = step(), step()
        self.assertEqual(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])


class TableTest(absltest.TestCase):
    def found(self, tensors):
        cpu = {FLOOR: [1, 2, 4], OURS: [1, 3, 2]}
        return vocabulary.compare(cpu, {FLOOR: 3.0, OURS: tensors})

    def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds(self):
        row = self.found(3.0)[OURS]
        # 1, 1.5 and .5.
        self.assertEqual(row["ratio"]["median"], 1)
        self.assertEqual(row["CPU ms"], 2000)

    def test_a_missed_target_is_called_missed(self):
        for tensors, verdict in (3.2, "met"), (3.3, "MISSED"):
            found = self.found(tensors)
            *_, line = vocabulary.table(found, 20_000).splitlines()
            self.assertRegex(line, rf"1\.00 .* {tensors}0 +{verdict}$")
            self.assertNotIn(verdict, vocabulary.table(found, 1000))


class VocabularyTest(absltest.TestCase):
    def test_a_tiny_run_writes_a_table_and_json(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(directory, "vocabulary.json")
        printed = io.StringIO()
        with (
            mock.patch.object(vocabulary_losses, "NAMES", (FLOOR, OURS)),
            mock.patch.object(vocabulary, "measure_memory", lambda *_: 1.5),
            contextlib.redirect_stdout(printed),
        ):
            vocabulary.main(
                ["--rounds=2", "--rows=3", "--classes", "5"]
                + [f"--output={path}"]
            )
        self.assertIn("3 rows of 5 classes", printed.getvalue())
        result = json.loads(path.read_text())
        self.assertLen(result["5"]["cpu"][OURS], 2)
        self.assertEqual(result["5"]["found"][OURS]["tensors"], 1.5)

    @pytest.mark.slow
    def test_three_tensors_of_memory_are_enough(self):
        # A process of its own loads Keras: some seconds.
        self.assertLess(vocabulary.measure_memory(OURS, 64, 150_000), 3.2)

    @pytest.mark.slow
    def test_chunks_need_less_than_100_mib_at_150_000_classes(self):
        name = vocabulary_losses.CHUNKED_STEP
        tensors = vocabulary.measure_memory(name, 512, 150_000)
        self.assertLess(tensors * 512 * 150_000 * 4 / 2**20, 100)

    def test_rejects_a_benchmark_without_rounds(self):
        error = io.StringIO()
        with (
            contextlib.redirect_stderr(error),
            self.assertRaises(SystemExit),
        ):
            vocabulary.main(["--rounds=0"])
        self.assertRegex(error.getvalue(), "at least 1.*Received: 0")


if __name__ == "__main__":
    absltest.main()
