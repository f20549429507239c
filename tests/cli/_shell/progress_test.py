import io

from absl.testing import absltest

from keras_kd.cli._shell.progress import Progress
from tests.cli.clock import Clock


class ProgressTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.lines = []

    def progress(self, counts, expected=None, live=None):
        return Progress(counts, expected, self.lines.append, live, self.clock)

    def train(self, progress, kind, seconds):
        progress.watch(kind)
        self.clock.now += seconds
        progress.finish(kind, kind, 0.5)

    def test_says_what_each_model_took(self):
        progress = self.progress({"alone": 2})
        self.train(progress, "alone", 3)
        progress.finish("alone", "alone, seed 1", 0.25, "kept from before")
        self.assertEqual(
            self.lines,
            [
                "[1/2] alone: 50.0 % on validation, 3 s",
                "[2/2] alone, seed 1: 25.0 % on validation, kept from before",
            ],
        )

    def test_expects_what_it_was_told_before_anything_is_trained(self):
        counts = {"teacher": 1, "alone": 2, "taught": 3}
        expected = {"teacher": 10.0, "alone": 1.0, "taught": 4.0}
        # 10 + 2 * 1 + 3 * 4.
        self.assertEqual(self.progress(counts, expected).left(), 24.0)

    def test_corrects_its_expectation_by_what_the_first_took(self):
        counts = {"teacher": 1, "alone": 2, "taught": 3}
        expected = {"teacher": 10.0, "alone": 1.0, "taught": 4.0}
        progress = self.progress(counts, expected)
        self.train(progress, "teacher", 30)
        # Thrice as long as expected: 3 * (2 * 1 + 3 * 4).
        self.assertEndsWith(self.lines[-1], "30 s (42 s left)")
        self.train(progress, "alone", 2)
        # One like that; the two took 32 s where 11 were expected.
        self.assertAlmostEqual(progress.left(), 2 + 3 * 4 * 32 / 11)

    def test_a_long_line_breaks_before_the_time(self):
        what = "attention_and_soft_targets, weight 4, rate 1"
        progress = self.progress({what: 3}, {what: 5.0})
        self.train(progress, what, 3)
        self.assertEqual(
            self.lines,
            [f"[1/3] {what}: 50.0 % on validation,\n      3 s (6 s left)"],
        )

    def test_what_was_kept_tells_nothing_of_the_time(self):
        progress = self.progress({"alone": 3}, {"alone": 5.0})
        self.clock.now += 1000
        progress.finish("alone", "alone", 0.5, "kept from before")
        self.assertEqual(progress.left(), 10.0)

    def test_the_last_has_nothing_left(self):
        progress = self.progress({"alone": 1}, {"alone": 5.0})
        self.train(progress, "alone", 3)
        self.assertEndsWith(self.lines[-1], " 3 s")

    def test_the_live_line_counts_epochs_and_is_wiped_out(self):
        live = io.StringIO()
        progress = self.progress({"alone": 1}, live=live)
        (callback,) = progress.watch("alone, seed 0")
        callback.set_params({"epochs": 9, "steps": 20})
        callback.on_epoch_begin(6)
        self.assertEqual(
            live.getvalue(), "\r[1/1] alone, seed 0: epoch 7 of 9\x1b[K"
        )
        progress.finish("alone", "alone", 0.5)
        self.assertEndsWith(live.getvalue(), "\r\x1b[K")

    def follow(self, progress, seconds):
        """Trains for an epoch of 100 batches, so many seconds each."""
        (callback,) = progress.watch("teacher")
        callback.set_params({"epochs": 9, "steps": 100})
        callback.on_epoch_begin(0)
        for batch in range(100):
            self.clock.now += seconds
            callback.on_train_batch_end(batch)

    def test_the_live_line_counts_batches_but_not_all(self):
        live = io.StringIO()
        self.follow(self.progress({"teacher": 1}, live=live), 0.11)
        shown = live.getvalue().split("\r")
        # At once, then each second batch: 0.22 s.
        self.assertLen(shown, 1 + 1 + 50)
        self.assertEqual(
            shown[2], "[1/1] teacher: epoch 1 of 9, batch 2 of 100\x1b[K"
        )
        self.assertEmpty(self.lines)

    def test_a_live_line_that_would_break_counts_no_batches(self):
        live = io.StringIO()
        (callback,) = self.progress({"taught": 1}, live=live).watch("t" * 47)
        callback.set_params({"epochs": 9, "steps": 20})
        # With a batch 81 columns, one more than in a terminal.
        callback.on_train_batch_end(0)
        self.assertEqual(
            live.getvalue(), f"\r[1/1] {'t' * 47}: epoch 1 of 9\x1b[K"
        )

    def test_without_a_live_line_something_is_said_now_and_then(self):
        self.follow(self.progress({"teacher": 1}), 1.0)
        # 15, 30, ... 90 s.
        self.assertLen(self.lines, 6)
        self.assertEqual(
            self.lines[0], "[1/1] teacher: epoch 1 of 9, batch 15 of 100"
        )

    def test_short_trainings_say_nothing_on_the_way(self):
        self.follow(self.progress({"teacher": 1}), 0.1)
        self.assertEmpty(self.lines)

    def test_a_diagnosis_is_folded_below_the_live_line(self):
        live = io.StringIO()
        progress = self.progress({"distilled": 2}, live=live)
        (diagnostics,) = progress.diagnose("dkd")
        diagnostics.say("word " * 20)
        self.assertEqual(live.getvalue(), "\r\x1b[K")
        (text,) = self.lines
        self.assertEqual(text.split(), ["word"] * 20)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_each_method_is_diagnosed_once(self):
        progress = self.progress({"distilled": 4})
        found = [progress.diagnose(name) for name in ("dkd", "nkd", "dkd")]
        self.assertEqual([len(one) for one in found], [1, 1, 0])


if __name__ == "__main__":
    absltest.main()
