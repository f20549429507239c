import os
import pathlib
import subprocess
import sys
import time
from unittest import mock

import pytest
from absl.testing import absltest

from keras_kd.cli import search
from keras_kd.cli._search import processes
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import FAILED
from keras_kd.cli._shell.errors import UNUSABLE
from tests import support

ROOT = pathlib.Path(__file__).parents[3]

# Stands for a chief or a worker: `deaths` of each kind before it does its part,
# which for a chief ends when all workers have done theirs.
PROGRAM = """
import os, pathlib, socket, sys, time
folder, workers, chief_deaths, worker_deaths, code, late_deaths = (
    pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:7])
)
name = os.environ["KERASTUNER_TUNER_ID"]
with open(folder / name, "a") as file:
    file.write(" ".join(sys.argv[7:]) + "\\n")
runs = len((folder / name).read_text().splitlines())
if runs <= (chief_deaths if name == "chief" else worker_deaths):
    sys.exit(9)
if name != "chief":
    (folder / f"done_{name}").write_text("")
    sys.exit(0)
if code:
    sys.exit(code)
address = "127.0.0.1", int(os.environ["KERASTUNER_ORACLE_PORT"])
server = socket.create_server(address)
while len(list(folder.glob("done_*"))) < workers:
    time.sleep(0.02)
if runs <= late_deaths:
    for done in folder.glob("done_*"):
        done.unlink()
    sys.exit(9)
"""


class SuperviseTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        (self.folder / "state").mkdir()
        self.lines = []

    def supervise(
        self, chief_deaths=0, worker_deaths=0, code=0, late=0, **settings
    ):
        settings = SearchSettings(
            output=str(self.folder), workers=2, **settings
        )
        arguments = [self.folder, 2, chief_deaths, worker_deaths, code, late]
        fake = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
        with (
            mock.patch.object(processes, "COMMAND", fake),
            mock.patch.object(processes, "LOOK_SECONDS", 0.02),
        ):
            return processes.supervise(settings, self.lines.append)

    def runs(self, name):
        return (self.folder / name).read_text().splitlines()

    def test_ends_when_the_chief_has_ended(self):
        self.assertEqual(self.supervise(), DONE)
        self.assertEmpty(self.lines)
        for name in ("chief", "worker1", "worker2"):
            self.assertLen(self.runs(name), 1)

    def test_starts_again_what_died(self):
        self.assertEqual(self.supervise(chief_deaths=1, worker_deaths=3), DONE)
        self.assertLen(self.runs("chief"), 2)
        self.assertLen(self.runs("worker2"), 4)
        self.assertIn(
            "The chief ended, exit code 9. It is started again (1 of 3).",
            self.lines,
        )
        log = self.folder / "state" / "worker_1.log"
        self.assertIn(
            f"The worker 1 ended, exit code 9; it printed {log}. It is started "
            "again (3 of 3).",
            self.lines,
        )

    def test_a_chief_that_died_at_the_end_gets_its_workers_again(self):
        self.assertEqual(self.supervise(late=1), DONE)
        for name in ("chief", "worker1", "worker2"):
            self.assertLen(self.runs(name), 2)

    def test_gives_up_after_three_times(self):
        self.assertEqual(self.supervise(chief_deaths=9), FAILED)
        self.assertLen(self.runs("chief"), 4)
        self.assertEqual(self.lines[-1], "The chief ended again, exit code 9.")

    def test_what_the_chief_cannot_use_is_not_tried_again(self):
        self.assertEqual(self.supervise(code=UNUSABLE), UNUSABLE)
        self.assertLen(self.runs("chief"), 1)

    def test_only_the_first_chief_begins_anew(self):
        self.supervise(chief_deaths=1, overwrite=True)
        first, second = self.runs("chief")
        self.assertEndsWith(first, " --overwrite")
        self.assertNotIn("overwrite", second)
        (worker,) = self.runs("worker1")
        self.assertEqual(worker, second)

    def test_an_interruption_ends_all(self):
        begun = []
        start = processes.Child.start

        def record(child, *more):
            begun.append(child)
            start(child, *more)

        # Both workers run, and one is looked at, when Ctrl-C comes.
        with (
            mock.patch.object(processes.Child, "start", record),
            mock.patch.object(
                processes.Child, "restart", side_effect=KeyboardInterrupt
            ),
        ):
            with self.assertRaises(KeyboardInterrupt):
                self.supervise(worker_deaths=1)
        self.assertLen(begun, 3)
        for child in begun:
            self.assertIsNotNone(child.process.returncode)


class FlagsTest(absltest.TestCase):
    def test_give_the_same_settings_again(self):
        settings = SearchSettings(
            methods=("hints", "soft_targets"),
            temperature=2.5,
            teacher="my models/teacher.keras",
            max_trials=7,
            workers=3,
            overwrite=True,
        )
        values = search.make_flags()
        values(["", *processes.as_flags(settings)])
        given = launch.given(values, SearchSettings)
        given["methods"] = tuple(given["methods"])
        self.assertEqual(
            SearchSettings(**given | {"workers": 3, "overwrite": True}),
            settings,
        )
        self.assertEqual(values.workers, 0)


class EndWithParentTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_process_ends_when_its_standard_input_does(self):
        script = (
            "from keras_kd.cli._search import processes; import time\n"
            "processes.end_with_parent()\n"
            "print('ready', flush=True)\n"
            "time.sleep(60)"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=os.environ | {processes.LEASH: "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            self.assertEqual(process.stdout.readline(), b"ready\n")
            time.sleep(0.1)
            self.assertIsNone(process.poll())
            process.stdin.close()
            self.assertEqual(process.wait(20), FAILED)


if __name__ == "__main__":
    absltest.main()
