import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
from unittest import mock

import pytest
from absl.testing import absltest
from absl.testing import parameterized

import keras_kd
import keras_kd_cli
from keras_kd import __main__ as program
from keras_kd import search
from keras_kd.cli._bench import cache_job
from keras_kd.cli._bench import job
from keras_kd.cli._bench import state
from keras_kd.cli._search import job as search_job
from keras_kd.cli._search import processes
from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import FAILED
from keras_kd.cli._shell.errors import INTERRUPTED
from keras_kd.cli._shell.errors import UNUSABLE
from tests import support
from tests.cli.calls import call

ROOT = pathlib.Path(__file__).parents[2]


class HelpTest(parameterized.TestCase):
    @parameterized.parameters((), ("--help",), ("-h",), ("help",))
    def test_lists_the_commands(self, *arguments):
        code, output, _ = call(*arguments)
        self.assertEqual(code, DONE)
        for command in ("cache", "distill", "export", "methods", "search"):
            self.assertRegex(output, rf"\n  {command} +\w")

    @parameterized.parameters(
        ("distill", "--temperature", "--overwrite", "--cache"),
        ("cache", "--dtype=float16", "--top_k", "--taps", "--batch_size=64"),
        ("search", "--tuner=bayesian", "--methods", "--workers=0", "--resume"),
    )
    def test_every_flag_is_explained_within_80_columns(self, command, *names):
        code, output, _ = call(command, "--epochs=3", "--help")
        self.assertEqual(code, DONE)
        self.assertLessEqual(max(map(len, output.splitlines())), 80)
        for flag in ("--dataset=digits", *names):
            self.assertIn(f"\n  {flag} ", output)

    def test_gives_the_version(self):
        code, output, _ = call("--version")
        self.assertEqual((code, output.split()[-1]), (0, keras_kd.__version__))


class StartTest(parameterized.TestCase):
    @parameterized.parameters("distill", "cache", "search")
    def test_says_at_once_what_is_read(self, command):
        with (
            mock.patch.object(job, "run"),
            mock.patch.object(cache_job, "run"),
            mock.patch.object(search_job, "run"),
        ):
            _, output, _ = call(command, "--dataset=of_mine")
        self.assertEqual(output, "Reading the images of of_mine.\n")


class FailureTest(parameterized.TestCase):
    @parameterized.parameters(KeyboardInterrupt, lambda: INTERRUPTED)
    def test_an_interrupted_process_ends_with_130(self, does):
        with (
            mock.patch.object(program, "main", side_effect=does),
            mock.patch.object(os, "_exit", side_effect=SystemExit) as leave,
            contextlib.redirect_stderr(io.StringIO()) as errors,
        ):
            with self.assertRaises(SystemExit):
                keras_kd_cli.main()
        leave.assert_called_once_with(130)
        self.assertNotIn("Traceback", errors.getvalue())

    def test_interruption_says_how_to_go_on(self):
        with mock.patch.object(job, "run", side_effect=KeyboardInterrupt):
            code, _, errors = call("distill", "--output=here")
        self.assertEqual(code, 130)
        self.assertIn("kept in here: the same command goes on", errors)

    def test_interrupted_cache_says_how_to_go_on(self):
        with mock.patch.object(cache_job, "run", side_effect=KeyboardInterrupt):
            code, _, errors = call("cache", "--output=here")
        self.assertEqual(code, INTERRUPTED)
        self.assertIn("kept in here: the same command goes on", errors)

    def test_interrupted_search_says_how_to_go_on(self):
        with mock.patch.object(
            search_job, "run", side_effect=KeyboardInterrupt
        ):
            code, _, errors = call("search", "--output=here")
        self.assertEqual(code, INTERRUPTED)
        self.assertIn("kept in here: the same command goes on", errors)

    def test_the_exit_code_of_several_processes_is_that_of_the_chief(self):
        for expected in (DONE, FAILED, UNUSABLE):
            with mock.patch.object(
                processes, "supervise", return_value=expected
            ):
                code, _, _ = call("search", "--workers=2")
            self.assertEqual(code, expected)

    def test_a_fault_shows_its_place_and_says_how_to_go_on(self):
        with mock.patch.object(job, "run", side_effect=OSError("disk full")):
            code, _, errors = call("distill", "--output=here")
        self.assertEqual(code, FAILED)
        self.assertIn("Traceback", errors)
        self.assertIn("disk full", errors)
        self.assertIn("kept in here: the same command goes on", errors)


@pytest.mark.slow
class KillTest(absltest.TestCase):
    """The installed command, in processes of its own."""

    def setUp(self):
        super().setUp()
        # What a shell runs in the background ignores Ctrl-C, and so would what
        # that starts.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, handler or signal.SIG_DFL)

    def start(self, output, *command):
        command = command or ("distill", "--seeds=1")
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "keras_kd",
                *command,
                "--epochs=1",
                f"--output={output}",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )

    def stop_after(self, output, lines, how, *command):
        """Lines of a run that is stopped, and what it then says."""
        with self.start(output, *command) as process:
            seen = []
            while sum(line.startswith("[") for line in seen) < lines:
                seen.append(process.stdout.readline())
            process.send_signal(how)
            _, errors = process.communicate(timeout=60)
        return process.returncode, errors

    def test_goes_on_after_a_kill_and_after_an_interruption(self):
        output = support.folder(self)

        code, _ = self.stop_after(output, 3, signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        code, errors = self.stop_after(output, 5, signal.SIGINT)
        self.assertEqual(code, 130)
        self.assertIn("the same command goes on from there", errors)
        with self.start(output) as process:
            text, errors = process.communicate(timeout=200)

        self.assertEqual(process.returncode, DONE, errors)
        self.assertGreaterEqual(text.count("kept from before"), 5)
        self.assertIn("student alone", text)
        self.assertTrue((output / "student.keras").exists())
        self.assertEmpty(list((output / state.FOLDER).glob("partial_*")))

    def test_a_search_goes_on_after_kills(self):
        output = support.folder(self)
        command = ("search", "--max_trials=3", "--tuner=random")
        # After the teacher, and when the first trial has just ended.
        for lines in (1, 2):
            code, _ = self.stop_after(output, lines, signal.SIGKILL, *command)
            self.assertEqual(code, -signal.SIGKILL)
        with self.start(output, *command, "--resume") as process:
            text, errors = process.communicate(timeout=200)
        self.assertEqual(process.returncode, DONE, errors)
        self.assertIn("[1/1] teacher", text)
        self.assertRegex(text, r"\[1/3\] soft_targets: .* kept from before")
        self.assertRegex(text, r"\[3/3\] \w+: ")
        found = search.results(output / "search")
        self.assertEqual([one.status for one in found], ["COMPLETED"] * 3)
        self.assertTrue((output / "student.keras").exists())

    def test_a_cache_goes_on_after_a_kill(self):
        output = support.folder(self)
        self.stop_after(output, 1, signal.SIGKILL, "cache")
        with self.start(output, "cache") as process:
            text, errors = process.communicate(timeout=200)
        self.assertEqual(process.returncode, DONE, errors)
        self.assertIn("kept from before", text)
        self.assertIn(f"Written to {output}", " ".join(text.split()))
        self.assertTrue((output / "manifest.json").exists())
        self.assertEmpty(list(output.glob("*.part-*")))


if __name__ == "__main__":
    absltest.main()
