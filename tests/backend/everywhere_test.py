"""The list of tests that hold on every backend, and some of them elsewhere."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests.backend import everywhere

ROOT = pathlib.Path(__file__).parents[2]


class EverywhereTest(parameterized.TestCase):
    def test_all_files_are_there(self):
        for name in everywhere.FILES:
            self.assertTrue((ROOT / name).is_file(), name)

    @parameterized.parameters("jax", "torch")
    @pytest.mark.slow
    def test_what_surrounds_the_core_holds(self, backend):
        if importlib.util.find_spec(backend) is None:
            self.skipTest(f"{backend} is not installed.")
        process = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "--quiet",
                "-p",
                "no:cacheprovider",
                "-m",
                "not slow",
                *everywhere.SURROUNDINGS,
            ],
            cwd=ROOT,
            env=os.environ | {"KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
            timeout=1200,
        )
        self.assertEqual(process.returncode, 0, process.stdout[-5000:])


if __name__ == "__main__":
    absltest.main()
