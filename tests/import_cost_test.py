"""Measures imports in fresh processes."""

import atexit
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest
from absl.testing import absltest

import keras_kd

ROOT = pathlib.Path(__file__).parents[1]
_UNCOMPILED = "PYTHONDONTWRITEBYTECODE"

NOT_LOADED = (
    "absl.flags",
    "keras_tuner",
    "markdown",
    "matplotlib",
    "sklearn",
    "tensorflow_datasets",
)

# What `import keras` itself loads is not counted: Keras 3.15 takes absl.flags,
# matplotlib and scikit-learn along.
IMPORT_AFTER_KERAS = """
import json
import sys
import time
import keras
before = set(sys.modules)
start = time.process_time()
import keras_kd
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "new": list(set(sys.modules) - before)}))
"""

# What pip writes into `keras-kd`; a script's name is there from the start.
CONSOLE_SCRIPT = """
import sys
sys.argv = ["keras-kd", "--help"]
from keras_kd_cli import main
sys.exit(main())
"""

# A program of somebody else's, with arguments that look like ours.
LIKE_THE_CONSOLE_SCRIPT = """
import sys
sys.argv = ["keras-kd", "-m", "keras_kd"]
import keras_kd
sys.exit("keras_kd.losses" not in sys.modules)
"""


@functools.cache
def environment():
    """Variables with which modules are compiled once, as pip does."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    kept = {k: v for k, v in os.environ.items() if k != _UNCOMPILED}
    return kept | {"PYTHONPYCACHEPREFIX": folder.name}


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
    )


@functools.cache
def import_after_keras(attempt=0):
    """What an import loads and costs; each attempt is one process."""
    process = run("-c", IMPORT_AFTER_KERAS)
    if process.returncode:
        raise AssertionError(process.stderr)
    return json.loads(process.stdout.splitlines()[-1])


class ImportCostTest(absltest.TestCase):
    @pytest.mark.slow
    def test_import_loads_no_heavy_package(self):
        new = import_after_keras()["new"]
        heavy = [
            name
            for name in new
            if name in NOT_LOADED or name.split(".")[0] in NOT_LOADED
        ]
        self.assertIn("keras_kd", new)
        self.assertEmpty(heavy)

    @pytest.mark.slow
    def test_import_takes_a_twentieth_of_a_second_more_than_keras(self):
        # Several attempts: the first has to compile the modules.
        seconds = []
        while len(seconds) < 4 and min(seconds, default=1.0) >= 0.05:
            attempt = import_after_keras(len(seconds))
            seconds.append(attempt["seconds"])
        self.assertLess(min(seconds), 0.05)


class LaterTest(absltest.TestCase):
    def test_what_is_imported_later_holds_no_class_of_a_saved_model(self):
        later = keras_kd._LATER
        self.assertContainsSubset(later, keras_kd.__all__)
        for name in later:
            files = sorted((ROOT / "keras_kd").glob(f"{name}.py"))
            files += sorted((ROOT / "keras_kd" / name).rglob("*.py"))
            self.assertNotEmpty(files)
            for path in files:
                self.assertNotIn("register_keras", path.read_text(), path)

    @pytest.mark.slow
    def test_what_is_imported_later_is_there_when_asked_for(self):
        script = (
            "import sys, keras_kd\n"
            "assert 'keras_kd.transfer_sets' not in sys.modules\n"
            "keras_kd.transfer_sets.reconstruct, keras_kd.report.compare\n"
            "from keras_kd import procedures\n"
            "procedures.data_free\n"
        )
        process = run("-c", script)
        self.assertEqual(process.returncode, 0, process.stderr[-2000:])


class HelpTest(absltest.TestCase):
    def assert_helps_without_keras(self, *arguments):
        process = run("-X", "importtime", *arguments)
        # A line of the report: `import time:  self | cumulative |   name`.
        names = [
            line.rpartition("|")[2].strip()
            for line in process.stderr.splitlines()
            if line.startswith("import time:")
        ]
        self.assertEqual(process.returncode, 0, process.stderr[-2000:])
        self.assertIn("keras_kd", names)
        self.assertEmpty({"keras", "tensorflow"}.intersection(names))

    def test_module_helps_without_keras(self):
        self.assert_helps_without_keras("-m", "keras_kd_cli", "--help")

    def test_command_helps_without_keras(self):
        self.assert_helps_without_keras(
            "-m", "keras_kd_cli", "distill", "--help"
        )

    @pytest.mark.slow
    def test_package_helps(self):
        process = run("-m", "keras_kd", "--help")
        self.assertEqual(process.returncode, 0, process.stderr[-2000:])
        self.assertIn("Usage: keras-kd COMMAND", process.stdout)

    @pytest.mark.slow
    def test_arguments_of_the_process_decide_nothing(self):
        process = run("-c", LIKE_THE_CONSOLE_SCRIPT)
        self.assertEqual(process.returncode, 0, process.stderr[-2000:])

    def test_console_script_helps_without_keras(self):
        self.assert_helps_without_keras("-c", CONSOLE_SCRIPT)


if __name__ == "__main__":
    absltest.main()
