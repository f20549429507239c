"""Progress of a job: one line for each model."""

import statistics
import sys
import time

import keras

from keras_kd.report.durations import duration


class Progress:
    """Numbers the models of a job and prints the result of each.

    Models of a kind, such as the students of an arm, take about the same time:
    from those of this call it estimates the time of the rest. For kinds
    without one, an expectation is corrected by how wrong it was for others.

    Args:
        counts: How many models there are of each kind, by name.
        expected: Seconds that a model of each kind should take, by name, or
            `None`. Defaults to `None`: no estimate is shown.
        say: Takes a line for the user. Defaults to `print`.
        live: Stream for a line that changes with each epoch, or `None` for
            none. Defaults to `None`.
        clock: Gives the time in seconds. Defaults to `time.monotonic`.
    """

    def __init__(
        self, counts, expected=None, say=print, live=None, clock=time.monotonic
    ):
        self.missing = dict(counts)
        self.expected = expected
        self.total = sum(counts.values())
        self.say = say
        self.live = live
        self.clock = clock
        self.seconds = {}
        self.started = clock()

    @property
    def done(self):
        """Number of finished models."""
        return self.total - sum(self.missing.values())

    def watch(self, what):
        """Begins a model. Returns the callbacks that follow its training."""
        self.started = self.clock()
        if self.live is None:
            return []

        def show(epoch, logs):
            self.live.write(
                f"\r{self._place(self.done + 1)} {what}: epoch {epoch + 1}"
                "\x1b[K"
            )
            self.live.flush()

        return [keras.callbacks.LambdaCallback(on_epoch_end=show)]

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
        if self.live is not None:
            self.live.write("\r\x1b[K")
            self.live.flush()
        self.say(
            f"{self._place(self.done)} {what}: {100 * accuracy:.1f} % on "
            f"validation, {how}"
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

    def _place(self, number):
        width = len(str(self.total))
        return f"[{number:>{width}}/{self.total}]"


def terminal():
    """The standard output if someone watches it, else `None`."""
    return sys.stdout if sys.stdout.isatty() else None
