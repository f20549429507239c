"""Runs the code of the README."""

import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from absl.testing import absltest

import keras_kd
from keras_kd._core.acronyms import ACRONYMS
from tests import pages
from tests import support
from tests.replicas import two_replicas

README = pages.text("README.md")


def block_with(words):
    (found,) = [code for code in pages.code_blocks(README) if words in code]
    return found


class QuickStartTest(absltest.TestCase):
    @pytest.mark.slow
    def test_runs_as_it_stands(self):
        folder = support.folder(self)
        process = subprocess.run(
            [sys.executable, "-c", block_with("data = keras_kd.datasets")],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(pages.ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(process.returncode, 0, process.stderr[-3000:])
        alone, distilled = map(
            float, re.findall(r"(?:alone|distilled) (0\.\d+)", process.stdout)
        )
        self.assertGreater(distilled, alone + 0.03)
        student = keras.models.load_model(folder / "student.keras")
        data = keras_kd.datasets.load("digits")
        choice = np.argmax(student.predict(data.test_images, verbose=0), -1)
        self.assertAlmostEqual(
            np.mean(choice == data.test_labels), distilled, delta=1e-3
        )

    def test_the_schedule_is_made(self):
        exec(
            block_with("callbacks.Anneal"),
            {"keras": keras, "keras_kd": keras_kd},
        )


class BlocksTest(absltest.TestCase):
    """Blocks that go on from the data and the models of the quick start.

    They run in this process: `QuickStartTest` shows what is to be imported.
    """

    def printed(self, *words, before=""):
        quick_start = block_with("data = keras_kd.datasets")
        code = quick_start[: quick_start.index("distiller = ")]
        code += before + "".join(block_with(some) for some in words)
        return pages.run(code, support.folder(self), {})

    @pytest.mark.slow
    def test_procedures_run_as_they_stand(self):
        printed = self.printed("procedures.fitnets", "MutualDistiller")
        *_, stages, learnt = printed.strip().splitlines()
        self.assertStartsWith(stages, "['hint', 'distillation']")
        # Ten classes: chance is 0.1.
        for accuracy in map(float, learnt.split()):
            self.assertGreater(accuracy, 0.3)

    @pytest.mark.slow
    def test_a_cache_runs_as_it_stands(self):
        printed = self.printed("cache_teacher")
        # Ten classes: chance is 0.1.
        accuracy = float(printed.split("accuracy: ")[-1].split()[0])
        self.assertGreater(accuracy, 0.5)

    @pytest.mark.slow
    def test_given_answers_run_as_they_stand(self):
        images = "images = (data.train_images, data.train_labels)\n"
        self.assertIn(images, block_with("cache_teacher"))
        printed = self.printed("cache_answers", before=images)
        self.assertIn("The term `soft_targets` outweighs the others", printed)
        self.assertNotIn("no better than chance", printed)


@support.eager_tests
class OwnLossTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        names = {"keras": keras, "keras_kd": keras_kd}
        block = block_with("class TrustedTargets")
        exec(block, names)
        cls.loss_class = names["TrustedTargets"]
        cls.lines = [line for line in block.splitlines() if line.strip()]

    def trained(self):
        keras.utils.set_random_seed(0)
        loss = self.loss_class()
        distiller = support.distiller(loss)
        distiller.compile(keras.optimizers.SGD(0.1))
        x, y = support.data(25)
        distiller.fit(x, y, 10, epochs=2, shuffle=False, verbose=0)
        return distiller

    def test_is_about_fifteen_lines(self):
        self.assertLessEqual(len(self.lines), 16)

    def test_its_weight_follows_the_labels(self):
        distiller = self.trained()
        (doubt,) = support.values(
            distiller.distillation_losses[0].trainable_weights
        )
        _, y = support.data(25)
        # d/d doubt of exp(-doubt) d + doubt is 0 only at doubt = ln d.
        self.assertTrue(np.all(doubt[np.unique(y)] != 0))

    def test_saves_and_loads(self):
        distiller = self.trained()
        path = support.folder(self) / "own.keras"
        distiller.save(path)
        loaded = keras.models.load_model(path)
        x, y = support.data(25)
        self.assertEqual(
            distiller.evaluate(x, y, verbose=0, return_dict=True),
            loaded.evaluate(x, y, verbose=0, return_dict=True),
        )

    @pytest.mark.slow
    def test_two_replicas_equal_one_device(self):
        one = support.values(self.trained().weights)
        with two_replicas().scope():
            two = support.values(self.trained().weights)
        self.assertLess(support.largest_difference(one, two), 1e-6)


class DocumentedFilesTest(absltest.TestCase):
    def test_linked_files_exist(self):
        links = pages.links("README.md")
        self.assertNotEmpty(links)
        self.assertEmpty([link for link in links if not link.exists()])

    def test_every_acronym_is_in_the_row_of_its_name(self):
        for acronym, known in ACRONYMS.items():
            (row,) = [
                line
                for line in README.splitlines()
                if line.startswith("| ") and f"`{known.name}`" in line
            ]
            method = f", `{known.method}`" if known.method else ""
            self.assertEndsWith(row, f"| {acronym}{method} |")
            self.assertIn(known.paper.split()[-1], row)

    def test_every_loss_is_in_the_table(self):
        names = set(keras_kd.losses.__all__) - {"DistillationLoss"}
        missing = [n for n in names if f"`losses.{n}`" not in README]
        self.assertEmpty(missing)


if __name__ == "__main__":
    absltest.main()
