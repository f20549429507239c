import copy

from absl.testing import absltest

from keras_kd.search import journal
from tests import support
from tests.search import scored


class ReadTest(absltest.TestCase):
    def test_no_file_is_no_state(self):
        self.assertIsNone(journal.read(support.folder(self) / "none.json"))

    def test_every_cut_is_noticed(self):
        path = support.folder(self) / "journal.json"
        journal.files.write_sealed(path, {"a": [1, 2]})
        text = path.read_text()
        for length in range(len(text)):
            path.write_text(text[:length])
            with self.assertRaisesRegex(ValueError, "is damaged.*journal.json"):
                journal.read(path)


class EndTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.tuner = scored.make_tuner(support.folder(self), scored.Scored())
        self.oracle = self.tuner.oracle

    def ended(self, trial, oracle=None):
        """A trial as a worker sends it back."""
        oracle = oracle or self.oracle
        oracle.update_trial(trial.trial_id, {"score": 1.0})
        trial = copy.deepcopy(trial)
        trial.status = "COMPLETED"
        return trial

    def test_a_trial_that_two_workers_end_counts_once(self):
        trial = self.ended(self.oracle.create_trial("first"))
        self.oracle.end_trial(trial)
        self.oracle.end_trial(trial)
        self.assertEqual(self.oracle.end_order, ["0"])

    def test_a_worker_that_outlives_its_chief_keeps_what_it_reported(self):
        folder = support.folder(self)
        oracle = scored.make_tuner(folder, scored.Scored()).oracle
        trial = self.ended(oracle.create_trial("first"), oracle)
        said = []
        other = scored.make_tuner(folder, scored.Scored(), say=said.append)
        self.assertLen(said, 1)  # The trial starts again.
        other.oracle.end_trial(trial)
        self.assertEqual(other.oracle.trials["0"].score, 1.0)
        self.assertEqual(other.oracle.create_trial("first").trial_id, "1")

    def test_it_is_over_when_all_who_searched_know(self):
        folder = support.folder(self)
        oracle = self.search_all(folder)
        oracle.tuner_ids.add("other")
        oracle.create_trial("first")
        made = scored.make_tuner(folder, scored.Scored(), max_trials=2)
        self.assertFalse(made.oracle.is_over)
        oracle.create_trial("other")
        made = scored.make_tuner(folder, scored.Scored(), max_trials=2)
        self.assertTrue(made.oracle.is_over)
        made = scored.make_tuner(folder, scored.Scored(), max_trials=3)
        self.assertFalse(made.oracle.is_over)

    def search_all(self, folder):
        oracle = scored.make_tuner(folder, scored.Scored(), max_trials=2).oracle
        for _ in range(2):
            oracle.end_trial(self.ended(oracle.create_trial("first"), oracle))
        return oracle

    def test_a_trial_that_waits_for_another_try_may_end_before(self):
        trial = self.ended(self.oracle.create_trial("first"))
        # As a chief does that has come back.
        self.oracle.ongoing_trials.clear()
        self.oracle.get_state()["retry_queue"].append(trial.trial_id)

        self.oracle.end_trial(trial)

        self.assertEqual(self.oracle.create_trial("first").trial_id, "1")
        self.assertEqual(self.oracle.end_order, ["0"])


if __name__ == "__main__":
    absltest.main()
