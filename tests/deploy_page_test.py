"""Runs the code of `docs/deploy.md`."""

import re

import numpy as np
import pytest
from absl.testing import absltest

from keras_kd.cli import distill
from keras_kd.cli import export as command
from keras_kd.export import _arguments
from tests import pages
from tests import support

PAGE = pages.text("docs/deploy.md")


class DeployPageTest(absltest.TestCase):
    @pytest.mark.slow
    def test_runs_as_it_stands(self):
        folder = support.folder(self)
        code, *only_int8 = pages.code_blocks(PAGE)
        names = {}
        printed = pages.run(code, folder, names)
        for file in names["result"].files:
            with self.subTest(file.name):
                self.assertIsNone(file.reason)
                self.assertIn(file.name, printed)
                # Ten classes: chance is 0.1.
                self.assertGreater(file.accuracy, 0.5)
                self.assertGreater(file.agreement, 0.95)
        # Here, since it goes on from there.
        printed = pages.run("".join(only_int8), folder, names)
        path = names["file"].path.as_posix()
        self.assertEqual(printed, f"{path} None\n")
        self.assertIn(f"  # {path} None\n", PAGE)
        scores = names["student"].predict(names["data"].test_images, verbose=0)
        same = names["answers"].argmax(-1) == scores.argmax(-1)
        self.assertGreater(same.mean(), 0.95)
        # Each is a whole number of steps of the file.
        np.testing.assert_allclose(
            names["answer"], names["answers"][:1], rtol=1e-5, atol=1e-5
        )

    def test_has_a_row_for_each_precision(self):
        rows = re.findall(r'^\| `"(\w+)"` \|', PAGE, re.MULTILINE)
        self.assertEqual(rows, list(_arguments.PRECISIONS))

    def test_flags_are_those_of_the_commands(self):
        known = {*command.HELP, *distill.HELP}
        found = set(re.findall(r"--(\w+)", PAGE))
        self.assertNotEmpty(found)
        self.assertEmpty(found - known)


if __name__ == "__main__":
    absltest.main()
