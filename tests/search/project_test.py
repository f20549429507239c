import json
import os
import pathlib
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
        self.scores = {
            name: trial.score
            for name, trial in run(self.folder).oracle.trials.items()
        }

    @parameterized.parameters("oracle.json", "trial_2/trial.json")
    def test_a_damaged_file_is_named_and_restored(self, name):
        path = self.folder / "search" / name
        path.write_text(path.read_text()[:30])
        said = []

        tuner = run(self.folder, say=said.append)

        self.assertEqual(said, [f"{path} was damaged: restored."])
        self.assertEqual(
            {n: t.score for n, t in tuner.oracle.trials.items()}, self.scores
        )

    def test_a_damaged_journal_is_named(self):
        path = self.folder / "search" / "journal.json"
        path.write_text(path.read_text().replace("COMPLETED", "FAILED", 1))
        with self.assertRaisesRegex(ValueError, "journal.json is damaged"):
            run(self.folder)

    def test_files_of_keras_tuner_alone_are_named_if_damaged(self):
        (self.folder / "search" / "journal.json").unlink()
        self.assertEqual(project.mend(self.folder, "search"), [])
        path = self.folder / "search" / "trial_1" / "trial.json"
        path.unlink()
        with self.assertRaisesRegex(ValueError, "trial_1.*cannot be read"):
            run(self.folder)

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
        self.assertEqual(
            {n: t.score for n, t in tuner.oracle.trials.items()}, self.scores
        )

    def test_a_trial_that_was_not_noted_is_taken_away(self):
        folder = self.folder / "search" / "trial_9"
        folder.mkdir()
        # Cut off while it was written.
        (folder / "trial.json").write_text('{"trial_id": "9", "hyper')
        run(self.folder)
        self.assertFalse(folder.exists())


if __name__ == "__main__":
    absltest.main()
