import gc
import json
import os
import pathlib
import subprocess
import sys
from concurrent import futures
from unittest import mock

import keras_tuner
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd._core import files
from keras_kd.search import chief
from keras_kd.search import project
from tests import support
from tests.search import scored

TRIALS = 4


class Kill(BaseException):
    """Ends a search at once, as a kill does."""


def torn_after(count):
    """Writes of keras-tuner: after some, half a file and then a kill."""
    remaining = [count]
    stateful = keras_tuner.Oracle.__mro__[1]
    save = stateful.save

    def torn(self, path):
        if remaining[0] == 0:
            pathlib.Path(path).write_text(json.dumps(self.get_state())[:40])
            raise Kill
        remaining[0] -= 1
        return save(self, path)

    return mock.patch.object(stateful, "save", torn)


def cut_after(count):
    """Writes of whole files: after some, a kill before the file is there."""
    remaining = [count]
    replace = os.replace

    def cut(source, target):
        if remaining[0] == 0:
            raise Kill
        remaining[0] -= 1
        return replace(source, target)

    return mock.patch.object(files.os, "replace", cut)


def run(folder, **kwargs):
    hypermodel = scored.Scored()
    tuner = scored.make_tuner(folder, hypermodel, max_trials=TRIALS, **kwargs)
    scored.run(tuner)
    return tuner


class KillTest(absltest.TestCase):
    @pytest.mark.slow
    def test_a_kill_in_any_write_loses_nothing(self):
        whole = scored.values(run(support.folder(self)))
        writes, killed = 0, True
        while killed:
            folder = support.folder(self)
            said = []
            try:
                with torn_after(writes):
                    run(folder)
                killed = False
            except Kill:
                pass
            tuner = run(folder, say=said.append)
            self.assertEqual(scored.values(tuner), whole, writes)
            self.assertEqual(scored.statuses(tuner), ["COMPLETED"] * TRIALS)
            self.assertEqual(tuner.oracle.end_order, list(whole), writes)
            writes += 1
        # Each trial is written when it begins and when it ends.
        self.assertGreater(writes, 4 * TRIALS)

    @pytest.mark.slow
    def test_a_kill_in_the_journal_or_in_mending_loses_nothing(self):
        whole = scored.values(run(support.folder(self)))
        writes, is_killed = 0, True
        while is_killed:
            folder = support.folder(self)
            is_killed = self.killed(cut_after(writes), folder)
            # The next call is killed too, while it mends or soon after.
            self.killed(cut_after(writes % 5), folder)
            tuner = run(folder, say=lambda line: None)
            self.assertEqual(scored.values(tuner), whole, writes)
            self.assertEqual(tuner.oracle.end_order, list(whole), writes)
            writes += 1
        self.assertGreater(writes, 2 * TRIALS)

    def killed(self, kill, folder):
        try:
            with kill:
                run(folder, say=lambda line: None)
        except Kill:
            return True
        return False


class DamageTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)
        self.scores = self.scores_of(run(self.folder))

    def scores_of(self, tuner):
        return {name: t.score for name, t in tuner.oracle.trials.items()}

    def test_a_damaged_journal_is_named(self):
        path = self.folder / "search" / "journal.json"
        path.write_text(path.read_text().replace("COMPLETED", "FAILED", 1))
        with self.assertRaisesRegex(ValueError, "is damaged.*journal.json"):
            run(self.folder)

    @parameterized.parameters("tuner0.json", "trial_2/trial.json")
    def test_files_of_keras_tuner_do_not_count(self, name):
        (self.folder / "search" / name).write_text('{"cut')
        self.assertEqual(self.scores_of(run(self.folder)), self.scores)

    def test_another_process_goes_on(self):
        variables = {
            chief.ID: "chief",
            chief.IP: "127.0.0.1",
            chief.PORT: "1",
        }
        with mock.patch.dict(os.environ, variables):
            tuner = scored.make_tuner(
                self.folder, scored.Scored(), max_trials=TRIALS
            )
        self.assertEqual(self.scores_of(tuner), self.scores)

    def test_a_trial_that_was_not_noted_is_made_again(self):
        folder = support.folder(self)
        left = folder / "search" / "trial_0"
        scored.make_tuner(folder, scored.Scored(), max_trials=TRIALS)
        left.mkdir()
        # Cut off while it was written.
        (left / "trial.json").write_text('{"trial_id": "0", "hyper')
        self.assertEqual(self.scores_of(run(folder)), self.scores)


# Uses the folder of a search, and waits.
PROGRAM = """
import sys
from keras_kd.search import project
folder = project.open_folder(sys.argv[1], "search")
print("ready", flush=True)
sys.stdin.read()
"""


class OwnerTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = support.folder(self)

    @parameterized.parameters(False, True)
    @pytest.mark.slow
    def test_two_processes_do_not_share_a_folder(self, overwrite):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.folder],
            cwd=pathlib.Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with process:
            self.addCleanup(process.kill)
            self.assertEqual(process.stdout.readline(), b"ready\n")
            with self.assertRaisesRegex(
                ValueError,
                "`directory` must be used by one process at a time.*Received: "
                f"directory='.*search', which process {process.pid} on",
            ):
                run(self.folder, overwrite=overwrite)
            process.communicate()
        run(self.folder, overwrite=overwrite)

    def test_nobody_begins_in_a_folder_that_is_being_overwritten(self):
        project.open_folder(self.folder, "search").close()
        refused = []

        def begin():
            with futures.ThreadPoolExecutor() as pool:
                begun = pool.submit(project.open_folder, self.folder, "search")
                refused.append(str(begun.exception()))

        run_folder = project.run_folder
        real = run_folder.RunFolder

        def opened(*args, **kwargs):
            # What was there is deleted now.
            with mock.patch.object(run_folder, "RunFolder", real):
                begin()
            return real(*args, **kwargs)

        with mock.patch.object(run_folder, "RunFolder", opened):
            folder = project.open_folder(self.folder, "search", overwrite=True)
        begin()
        for text in refused:
            self.assertRegex(text, "one process at a time")
        self.assertLen(refused, 2)
        self.assertTrue((folder.path / "settings.json").exists())

    def test_a_folder_is_free_when_its_tuner_is_gone(self):
        tuner = run(self.folder)

        def use():
            with futures.ThreadPoolExecutor() as pool:
                return pool.submit(
                    project.open_folder, self.folder, "search"
                ).result()

        with self.assertRaisesRegex(ValueError, "one process at a time"):
            use()
        del tuner
        gc.collect()
        use()

    def test_another_identity_is_another_search(self):
        scored.make_tuner(
            self.folder, scored.Scored(), identity={"data": "digits", "n": (1,)}
        )
        # As it is in JSON, which has no tuples.
        same = {"n": [1], "data": "digits"}
        scored.make_tuner(self.folder, scored.Scored(), identity=same)
        with self.assertRaisesRegex(
            ValueError,
            '`directory` must be.*same run.*data="digits", now "cifar".*'
            "begin anew with `overwrite=True`",
        ):
            scored.make_tuner(
                self.folder, scored.Scored(), identity=same | {"data": "cifar"}
            )

    def test_a_search_of_keras_tuner_or_an_older_version_is_refused(self):
        tuner = keras_tuner.RandomSearch(
            scored.Scored(),
            objective=keras_tuner.Objective("score", "max"),
            max_trials=2,
            directory=self.folder,
            project_name="search",
        )
        scored.run(tuner)
        with self.assertRaisesRegex(
            ValueError,
            "`directory` must be empty or hold a search of this version.*"
            "Received: directory=.*an older version of keras_kd",
        ):
            run(self.folder)
        self.assertLen(run(self.folder, overwrite=True).oracle.trials, TRIALS)


if __name__ == "__main__":
    absltest.main()
