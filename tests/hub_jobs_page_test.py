"""Runs the jobs of `docs/jobs.md` with models of KerasHub."""

import pathlib
import re
import tempfile

import keras
import numpy as np
import pytest
from absl.testing import absltest

from tests import page_jobs
from tests import pages
from tests import reference
from tests import support
from tests.references import sequences

pytestmark = pytest.mark.slow  # To import KerasHub takes some seconds.

HEAD, *_, HUB = page_jobs.sections("docs/jobs.md")
PARTS = re.split(r"^### ", HUB, flags=re.M)
SETTING, *JOBS = [pages.code_blocks(part) for part in PARTS]
ENCODER, LANGUAGE, VOCABULARIES = JOBS


class HubJobsTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.folder, cls.shared = pathlib.Path(folder), {}
        with support.eagerly():
            with pages.one_step():
                cls.run_blocks(pages.code_blocks(HEAD), cls.shared)
            cls.run_blocks(SETTING, cls.shared)

    @classmethod
    def run_blocks(cls, blocks, names):
        return [pages.run(code, cls.folder, names) for code in blocks]

    def learnt(self, blocks):
        """Names of a job, what it printed, and the logs of its training."""
        keras.utils.set_random_seed(0)
        names = dict(self.shared)
        printed = self.run_blocks(blocks, names)
        return names, printed[-1], names["distiller"].history.history

    def test_an_encoder_relates_words_as_its_teacher_does(self):
        _, _, logs = self.learnt(ENCODER)
        for name in ("loss", "hint"):
            self.assertLess(logs[name][-1], 0.9 * logs[name][0])
        self.assertGreater(logs["self_attention_relations"][0], 0)

    @support.eagerly()
    def test_a_language_model_writes_with_half_of_the_blocks(self):
        names, printed, logs = self.learnt(LANGUAGE)
        self.assertLess(logs["loss"][-1], logs["loss"][0])
        self.assertEqual(names["student"].backbone.num_layers, 1)
        self.assertStartsWith(printed, "the")

    @support.eagerly()
    def test_words_of_two_vocabularies_meet_while_both_have_some(self):
        names, _, history = self.learnt(VOCABULARIES)
        self.assertLess(history["loss"][-1], history["loss"][0])
        batch = names["sentences"].map(names["prepare"]).take(1)
        ((x, _, weights),) = list(batch)
        logits = [
            reference.float64(names[model](x[model]))
            for model in ("teacher", "student")
        ]
        self.assertNotEqual(*(one.shape[-1] for one in logits))
        both = np.asarray(x["both"])
        self.assertLess(both.sum(), np.sum(x["student"]["padding_mask"]))
        logs = support.evaluated(names["distiller"], batch)
        values = sequences.sorted_distance(*logits) * np.asarray(weights)
        np.testing.assert_allclose(
            logs["sorted_probabilities"],
            values[both].sum() / both.sum(),
            rtol=1e-4,
        )

    def test_no_block_of_a_job_has_more_than_ten_lines(self):
        for block in sum(JOBS, []):
            self.assertLessEqual(block.count("\n"), 10, block)


if __name__ == "__main__":
    absltest.main()
