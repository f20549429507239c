"""Progress of a job: a line for each model or trial, and the time left."""

import statistics
import sys
import time

import keras

from keras_kd.cli._bench import arms
from keras_kd.report.tables import duration

# A step back costs about twice a step forth.
TRAINING = 3
# What compiling a model takes, however few the images.
START_SECONDS = 2.0
TIMED_CALLS = 3
LONG_SECONDS = 600


class _Lines:
    """Numbered lines for the user, and one that changes with each epoch.

    Args:
        total: How many lines there will be.
        say: Takes a line for the user.
        live: Stream for the line that changes, or `None` for none.
        clock: Gives the time in seconds.
    """

    def __init__(self, total, say, live, clock):
        self.total = total
        self.say = say
        self.live = live
        self.clock = clock
        self.started = clock()

    def _show_epochs(self, number, what=""):
        """Makes callbacks that show the training of what has a number."""
        if self.live is None:
            return []

        def show(epoch, logs):
            self.live.write(
                f"\r{self._place(number)} {what}epoch {epoch + 1}\x1b[K"
            )
            self.live.flush()

        return [keras.callbacks.LambdaCallback(on_epoch_end=show)]

    def _end_line(self, number, text):
        if self.live is not None:
            self.live.write("\r\x1b[K")
            self.live.flush()
        self.say(f"{self._place(number)} {text}")

    def _place(self, number):
        width = len(str(self.total))
        return f"[{number:>{width}}/{self.total}]"


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
        live: Stream for a line that changes with each epoch, or `None` for
            none. Defaults to `None`.
        clock: Gives the time in seconds. Defaults to `time.monotonic`.
    """

    def __init__(
        self, counts, expected=None, say=print, live=None, clock=time.monotonic
    ):
        super().__init__(sum(counts.values()), say, live, clock)
        self.missing = dict(counts)
        self.expected = expected
        self.seconds = {}

    @property
    def done(self):
        """Number of finished models."""
        return self.total - sum(self.missing.values())

    def watch(self, what):
        """Begins a model. Returns the callbacks that follow its training."""
        self.started = self.clock()
        return self._show_epochs(self.done + 1, f"{what}: ")

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
        return self._show_epochs(self.ended + 1)

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
        self._end_line(self.ended, f"{self.name_of(knobs)}: {', '.join(parts)}")


def _last_line(message):
    lines = (message or "").strip().splitlines()
    return lines[-1].strip() if lines else "its worker has printed why"


def terminal():
    """The standard output if someone watches it, else `None`."""
    return sys.stdout if sys.stdout.isatty() else None


def expected_seconds(bench):
    """Seconds that each kind of model will take, by the name of its arm.

    Args:
        bench: A `Bench`, whose models need not be trained.
    """
    tuning, settings = bench.tuning, bench.settings
    batch = tuning.train_images[: settings.batch_size]
    teacher, student = (
        forward_seconds(model, batch)
        for model in (bench.teacher, bench.student)
    )
    steps = len(tuning.train_labels) / settings.batch_size
    validation = len(tuning.test_labels) / settings.batch_size

    def whole(trained, asked=0.0):
        epoch = TRAINING * trained * steps + trained * validation
        epoch += asked * (steps + validation)
        return START_SECONDS + settings.epochs * epoch

    asked = 0.0 if settings.cache else teacher
    return {
        arms.TEACHER: 0.0 if bench.is_teacher_trained else whole(teacher),
        arms.ALONE: whole(student),
        arms.SMOOTHING: whole(student),
        arms.DISTILLED: whole(student, asked),
    }


def forward_seconds(model, batch):
    """Seconds that a model takes for a batch, at best."""
    model.predict_on_batch(batch)
    found = []
    for _ in range(TIMED_CALLS):
        started = time.perf_counter()
        model.predict_on_batch(batch)
        found.append(time.perf_counter() - started)
    return min(found)


def estimate_sentence(total, count):
    """Formats an estimate for the user.

    Args:
        total: Seconds of the whole job.
        count: Number of models.
    """
    text = f"{count} models are trained, in roughly {duration(total)}."
    if total > LONG_SECONDS:
        text += (
            " Shorter: --epochs=1 --seeds=2. What is finished is kept if you "
            "stop it."
        )
    return text
