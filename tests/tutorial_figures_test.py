import io
import os
import pathlib
from unittest import mock

import numpy as np
from absl.testing import absltest
from PIL import Image

from tests import support

ROOT = pathlib.Path(__file__).parents[1]
WITH_FIGURES = ("01", "03", "04", "05", "07", "08", "11", "13", "15", "16")
WITH_FIGURES += ("19", "22", "30")
EXAMPLE = """\
import os
import pathlib

import matplotlib.pyplot as plt

OUTPUT = pathlib.Path("example")
OUTPUT.mkdir()
print("small" if "KERAS_KD_SMOKE" in os.environ else "whole")
figure, axes = plt.subplots()
axes.plot([1, 3, 2], color="red")
figure.savefig(OUTPUT / "curve.png", dpi=150)
"""


figures = support.load_program(ROOT / "tutorials" / "figures.py")


def picture(file):
    with Image.open(file) as found:
        return np.array(found.convert("RGB"))


class KeepFigureTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.tutorial = self.folder / "31_example.py"
        self.tutorial.write_text(EXAMPLE)

    def test_runs_whole_and_keeps_figure_and_output(self):
        with mock.patch.dict(os.environ, {"KERAS_KD_SMOKE": "1"}):
            target = figures.keep_figure(
                self.tutorial, self.folder / "kept", self.folder / "printed"
            )

        self.assertEqual(target, self.folder / "kept" / "31_example.png")
        printed = (self.folder / "printed" / "31_example.txt").read_text()
        self.assertEqual(printed.strip(), "whole")
        # The default figure of matplotlib, 6.4 by 4.8 inches, at 150 dots.
        pixels = picture(target)
        self.assertEqual(pixels.shape, (720, 960, 3))
        self.assertTrue((pixels == [255, 0, 0]).all(axis=-1).any())

    def test_keeps_the_old_figure_where_the_tutorial_fails(self):
        kept = self.folder / "kept" / "31_example.png"
        kept.parent.mkdir()
        kept.write_bytes(b"old")
        self.tutorial.write_text(EXAMPLE + "\nassert False, 'not found'\n")

        with self.assertRaisesRegex(RuntimeError, "31_example.* code 1"):
            figures.keep_figure(self.tutorial, kept.parent, self.folder)

        self.assertEqual(kept.read_bytes(), b"old")
        self.assertIn("not found", (self.folder / "31_example.txt").read_text())

    def test_refuses_a_tutorial_without_a_figure(self):
        with self.assertRaisesRegex(ValueError, "one figure.*Received: \\[\\]"):
            figures.saved_name("x = 1\n")


class ReducedTest(absltest.TestCase):
    def reduced(self, pixels):
        path = support.folder(self) / "picture.png"
        Image.fromarray(pixels).save(path)
        content = figures.reduced(path)
        self.assertLessEqual(len(content), figures.MAX_BYTES)
        return picture(io.BytesIO(content))

    def test_a_plain_picture_keeps_its_size_and_colours(self):
        pixels = np.zeros((300, 400, 3), "uint8")
        pixels[100:200] = [250, 120, 7]

        np.testing.assert_array_equal(self.reduced(pixels), pixels)

    def test_noise_becomes_smaller(self):
        pixels = np.random.default_rng(0).integers(
            256, size=(300, 400, 3), dtype="uint8"
        )

        height, width, _ = self.reduced(pixels).shape

        self.assertLess(width, 400)
        self.assertAlmostEqual(width / height, 4 / 3, delta=0.01)


class KeptFiguresTest(absltest.TestCase):
    def test_each_belongs_to_a_tutorial_and_is_small(self):
        tutorials = {path.stem for path in ROOT.glob("tutorials/[0-9]*.py")}
        for path in ROOT.glob("docs/figures/[0-9]*.png"):
            with self.subTest(path.name):
                self.assertIn(path.stem, tutorials)
                self.assertLessEqual(path.stat().st_size, figures.MAX_BYTES)

    def test_names_of_figures_are_found(self):
        for number in WITH_FIGURES:
            (path,) = ROOT.glob(f"tutorials/{number}_*.py")
            with self.subTest(path.name):
                figures.saved_name(path.read_text())


if __name__ == "__main__":
    absltest.main()
