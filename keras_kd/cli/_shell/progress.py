"""Progress of a job: a line for each model or trial, and the time left."""

import math
import statistics
import sys
import time

import keras

from keras_kd.callbacks import Diagnostics
from keras_kd.cli._shell.terminal import WIDTH
from keras_kd.cli._shell.terminal import fold
from keras_kd.report.tables import duration

# How long a line on a training stands: one that changes, and one of many.
SHOWN_SECONDS = 0.2
SAID_SECONDS = 15.0
_NO_REASON = "its worker has printed why"


class _Lines:
    """Numbered lines for the user, and one that changes with each epoch.

    Args:
        total: How many lines there will be.
        say: Takes a line for the user.
        live: Stream for the line that changes, or `None` for lines that are
            said from time to time.
        clock: Gives the time in seconds.
    """

    def __init__(self, total, say, live, clock):
        self.total = total
        self.say = say
        self.live = live
        self.clock = clock
        self.started = clock()
        self.last_shown = self.started if live is None else -math.inf

    def _show_epochs(self, number, what=""):
        """Makes callbacks that show the training of what has a number."""
        return [_Training(self, f"{self._place(number)} {what}")]

    def show(self, text):
        """Shows how far a training is, in a line that changes or a rare one.

        Args:
            text: The line.
        """
        now = self.clock()
        rest = SHOWN_SECONDS if self.live is not None else SAID_SECONDS
        if now - self.last_shown < rest:
            return
        self.last_shown = now
        if self.live is None:
            self.say(text)
            return
        self.live.write(f"\r{text}\x1b[K")
        self.live.flush()

    def note(self, text):
        """Prints a sentence between the lines."""
        if self.live is not None:
            self.live.write("\r\x1b[K")
            self.live.flush()
        else:
            self.last_shown = self.clock()
        self.say(text)

    def _end_line(self, number, text):
        place = self._place(number)
        line, indent = f"{place} {text}", len(place) + 1
        if len(line) > WIDTH:
            # At the last comma, behind which stands a time.
            parts = [fold(part, indent) for part in line.rsplit(", ", 1)]
            line = f",\n{' ' * indent}".join(parts)
        self.note(line)

    def _place(self, number):
        width = len(str(self.total))
        return f"[{number:>{width}}/{self.total}]"


class _Training(keras.callbacks.Callback):
    """Shows the epoch and the batch of a training.

    Args:
        lines: The `_Lines` that show it.
        what: What is trained, for the start of the line.
    """

    def __init__(self, lines, what):
        super().__init__()
        self.lines = lines
        self.what = what
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._show("")

    def on_train_batch_end(self, batch, logs=None):
        steps = self.params["steps"]
        # Not known in the first epoch of some data.
        total = f" of {steps}" if steps else ""
        self._show(f", batch {batch + 1}{total}")

    def _show(self, where):
        text = f"{self.what}epoch {self.epoch + 1} of {self.params['epochs']}"
        # A line that the terminal breaks cannot be written over.
        fits = len(text) + len(where) < WIDTH
        self.lines.show(text + where if fits else text)


class Progress(_Lines):
    """Numbers the models of a job and prints the result of each.

    Models of a kind, such as the students of an arm, take about the same time:
    from those of this call it estimates the time of the rest. For kinds
    without one, an expectation is corrected by how wrong it was for others.

    Args:
        counts: How many models there are of each kind, by name.
        expected: Seconds that a model of each kind should take, by name, or
            `None`. Defaults to `None`: no estimate is shown.
        say: Takes a line for the user. Defaults to `print`.
        live: Stream for a line that changes with each batch, or `None` for a
            line that is said from time to time. Defaults to `None`.
        clock: Gives the time in seconds. Defaults to `time.monotonic`.
    """

    def __init__(
        self, counts, expected=None, say=print, live=None, clock=time.monotonic
    ):
        super().__init__(sum(counts.values()), say, live, clock)
        self.missing = dict(counts)
        self.expected = expected
        self.seconds = {}
        self.diagnosed = set()

    @property
    def done(self):
        """Number of finished models."""
        return self.total - sum(self.missing.values())

    def watch(self, what):
        """Begins a model. Returns the callbacks that follow its training."""
        self.started = self.clock()
        return self._show_epochs(self.done + 1, f"{what}: ")

    def diagnose(self, method):
        """Callbacks that diagnose a distillation, the first by a method.

        Args:
            method: Its name.
        """
        if method in self.diagnosed:
            return []
        self.diagnosed.add(method)
        return [Diagnostics(say=lambda text: self.note(fold(text)))]

    def finish(self, kind, what, accuracy, kept=None):
        """Ends a model.

        Args:
            kind: One of the kinds of models.
            what: Its name.
            accuracy: On the validation part.
            kept: Where it comes from, in place of a time, or `None` if it was
                trained just now. Defaults to `None`.
        """
        self.missing[kind] -= 1
        how = kept
        if kept is None:
            seconds = self.clock() - self.started
            self.seconds.setdefault(kind, []).append(seconds)
            how = duration(seconds)
            if self.expected and self.done < self.total:
                # Short, for the line to fit a terminal.
                how += f" ({duration(self.left())} left)"
        self._end_line(
            self.done, f"{what}: {100 * accuracy:.1f} % on validation, {how}"
        )

    def left(self):
        """Seconds that the missing models will take."""
        error = 1.0
        if self.seconds:
            took = sum(map(sum, self.seconds.values()))
            expected = sum(
                len(found) * self.expected[kind]
                for kind, found in self.seconds.items()
            )
            error = took / expected
        return sum(
            number * statistics.fmean(self.seconds[kind])
            if kind in self.seconds
            else number * error * self.expected[kind]
            for kind, number in self.missing.items()
        )


class TrialProgress(_Lines):
    """Numbers the trials of a search and prints the result of each.

    Args:
        total: How many trials there will be, those of earlier calls included.
        name_of: Function from the values of the knobs to the name of a trial.
        say: Takes a line for the user. Defaults to `print`.
        live: See `Progress`. Defaults to `None`.
        clock: See `Progress`. Defaults to `time.monotonic`.
    """

    def __init__(
        self, total, name_of, say=print, live=None, clock=time.monotonic
    ):
        super().__init__(total, say, live, clock)
        self.name_of = name_of
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
                why = _why(one.message, one.message if one.is_over else None)
                self._end(one.score, one.knobs, why, "kept from before")
        self.started = self.clock()

    def finish(self, trial):
        """Ends a trial; a hook for `search.make_tuner`.

        Args:
            trial: A `keras_tuner.engine.trial.Trial`.
        """
        # Not at the top: a distillation needs no keras-tuner.
        from keras_kd.search.limits import over_text

        is_scored = trial.status == "COMPLETED"
        self._end(
            trial.score if is_scored else None,
            trial.hyperparameters.values,
            _why(trial.message, over_text(trial.message)),
            None,
        )

    def watch(self):
        """Makes callbacks that show the training of a student."""
        return self._show_epochs(self.ended + 1)

    def left(self):
        """Seconds that the missing trials will take."""
        took = self.clock() - self.started
        return took / (self.ended - self.kept) * (self.total - self.ended)

    def _end(self, score, knobs, why, kept):
        self.ended += 1
        if score is not None:
            self.best = score if self.best is None else max(self.best, score)
            what = f"{100 * score:.1f} %"
        else:
            what = why
        parts = [what]
        if self.best is not None:
            parts.append(f"best {100 * self.best:.1f} %")
        if kept:
            parts.append(kept)
        elif self.ended < self.total:
            parts.append(f"{duration(self.left())} left")
        self._end_line(self.ended, f"{self.name_of(knobs)}: {', '.join(parts)}")


def _why(message, over):
    """Says why a trial has no score."""
    if over is not None:
        return f"not trained ({over})"
    lines = (message or "").strip().splitlines()
    return f"failed ({lines[-1].strip() if lines else _NO_REASON})"


def terminal():
    """The standard output if someone watches it, else `None`."""
    return sys.stdout if sys.stdout.isatty() else None
