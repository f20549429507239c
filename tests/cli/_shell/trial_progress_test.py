import io
import types

from absl.testing import absltest

from keras_kd import search
from keras_kd.cli._shell.progress import TrialProgress
from tests.cli.clock import Clock


def trial(score, method="hints", status="COMPLETED", message=None):
    values = {} if method is None else {"method": method}
    return types.SimpleNamespace(
        score=score,
        status=status,
        message=message,
        hyperparameters=types.SimpleNamespace(values=values),
    )


def kept(number, score):
    status = "COMPLETED" if score is not None else "RUNNING"
    return search.TrialResult(
        str(number), number, status, score, {"method": "hints"}
    )


class TrialProgressTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.clock = Clock()
        self.lines = []

    def progress(self, total, live=None):
        return TrialProgress(
            total,
            lambda knobs: knobs.get("method", "soft_targets"),
            self.lines.append,
            live,
            self.clock,
        )

    def finish(self, progress, seconds, *arguments, **options):
        self.clock.now += seconds
        progress.finish(trial(*arguments, **options))

    def test_counts_and_knows_the_best_and_the_time_left(self):
        progress = self.progress(10)
        self.finish(progress, 4, 0.5)
        self.finish(progress, 2, 0.25, method=None)
        # Two in six seconds, eight to go.
        self.assertEqual(
            self.lines,
            [
                "[ 1/10] hints: 50.0 %, best 50.0 %, 36 s left",
                "[ 2/10] soft_targets: 25.0 %, best 50.0 %, 24 s left",
            ],
        )

    def test_the_last_has_nothing_left(self):
        self.finish(self.progress(1), 4, 0.5)
        self.assertEqual(self.lines, ["[1/1] hints: 50.0 %, best 50.0 %"])

    def test_what_was_kept_comes_in_order_and_tells_nothing_of_the_time(self):
        progress = self.progress(5)
        self.clock.now += 1000
        progress.keep([kept(2, 0.75), kept(1, 0.5), kept(3, None)])
        self.finish(progress, 3, 0.25)
        self.assertEqual(
            self.lines,
            [
                "[1/5] hints: 50.0 %, best 50.0 %, kept from before",
                "[2/5] hints: 75.0 %, best 75.0 %, kept from before",
                "[3/5] hints: 25.0 %, best 75.0 %, 6 s left",
            ],
        )

    def test_says_why_a_trial_failed(self):
        progress = self.progress(3)
        message = "Traceback\n  line\nValueError: no weights\n"
        self.finish(progress, 1, None, status="FAILED", message=message)
        self.assertEqual(
            self.lines,
            ["[1/3] hints: failed (ValueError: no weights), 2 s left"],
        )

    def test_says_which_limit_a_student_is_over(self):
        progress = self.progress(3)
        why = "9 parameters, over 8"
        failed = {"status": "FAILED", "score": None}
        old = search.TrialResult(
            "0", 1, **failed, knobs={}, message=why, is_over=True
        )
        progress.keep([old])
        error = "keras_kd.search.limits.OverLimitError"
        message = f"Traceback\n  line\n{error}: {why}\n"
        self.finish(progress, 1, **failed, message=message)
        self.assertEqual(
            self.lines,
            [
                f"[1/3] soft_targets: not trained ({why}), kept from before",
                f"[2/3] hints: not trained ({why}), 1 s left",
            ],
        )

    def test_the_longest_line_fits_a_terminal(self):
        progress = self.progress(100)
        self.finish(progress, 9000, 1.0, method="attention_and_soft_targets")
        self.assertLessEqual(len(self.lines[0]), 80)

    def test_the_live_line_counts_epochs_and_is_wiped_out(self):
        live = io.StringIO()
        progress = self.progress(3, live)
        (callback,) = progress.watch()
        callback.set_params({"epochs": 9, "steps": 20})
        callback.on_epoch_begin(6)
        self.assertEqual(live.getvalue(), "\r[1/3] epoch 7 of 9\x1b[K")
        self.finish(progress, 1, 0.5)
        self.assertEndsWith(live.getvalue(), "\r\x1b[K")


if __name__ == "__main__":
    absltest.main()
