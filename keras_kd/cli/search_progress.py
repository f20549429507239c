"""Progress of a search: one line for each finished trial."""

import time

import keras

from keras_kd.cli.search_knobs import METHOD
from keras_kd.report.durations import duration


class TrialProgress:
    """Numbers the trials of a search and prints the result of each.

    Args:
        total: How many trials there will be, those of earlier calls included.
        method: The method of all trials, where no knob chooses it.
        say: Takes a line for the user. Defaults to `print`.
        live: Stream for a line that changes with each epoch, or `None` for
            none. Defaults to `None`.
        clock: Gives the time in seconds. Defaults to `time.monotonic`.
    """

    def __init__(
        self, total, method, say=print, live=None, clock=time.monotonic
    ):
        self.total = total
        self.method = method
        self.say = say
        self.live = live
        self.clock = clock
        self.started = clock()
        self.ended = 0
        self.kept = 0
        self.best = None

    def keep(self, results):
        """Counts the trials of earlier calls.

        Args:
            results: List of `search.TrialResult`.
        """
        for one in sorted(results, key=lambda one: one.number):
            if one.status in ("COMPLETED", "FAILED"):
                self.kept += 1
                self._end(one.score, one.knobs, one.message, "kept from before")
        self.started = self.clock()

    def finish(self, trial):
        """Ends a trial; a hook for `search.make_tuner`.

        Args:
            trial: A `keras_tuner.engine.trial.Trial`.
        """
        is_scored = trial.status == "COMPLETED"
        self._end(
            trial.score if is_scored else None,
            trial.hyperparameters.values,
            trial.message,
            None,
        )

    def watch(self):
        """Makes callbacks that show the training of a student."""
        if self.live is None:
            return []

        def show(epoch, logs):
            self.live.write(
                f"\r{self._place(self.ended + 1)} epoch {epoch + 1}\x1b[K"
            )
            self.live.flush()

        return [keras.callbacks.LambdaCallback(on_epoch_end=show)]

    def left(self):
        """Seconds that the missing trials will take."""
        took = self.clock() - self.started
        return took / (self.ended - self.kept) * (self.total - self.ended)

    def _end(self, score, knobs, message, kept):
        self.ended += 1
        if score is not None:
            self.best = score if self.best is None else max(self.best, score)
            what = f"{100 * score:.1f} %"
        else:
            what = f"failed ({_last_line(message)})"
        parts = [what]
        if self.best is not None:
            parts.append(f"best {100 * self.best:.1f} %")
        if kept:
            parts.append(kept)
        elif self.ended < self.total:
            parts.append(f"{duration(self.left())} left")
        if self.live is not None:
            self.live.write("\r\x1b[K")
            self.live.flush()
        method = knobs.get(METHOD, self.method)
        self.say(f"{self._place(self.ended)} {method}: {', '.join(parts)}")

    def _place(self, number):
        width = len(str(self.total))
        return f"[{number:>{width}}/{self.total}]"


def _last_line(message):
    lines = (message or "").strip().splitlines()
    return lines[-1].strip() if lines else "its worker has printed why"
