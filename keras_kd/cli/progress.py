"""Tells how far a job is: one line for each model."""

import sys
import time

import keras


class Progress:
    """Numbers the models of a job and says what became of each.

    Args:
        total: How many models there are.
        say: Takes a line for the user. Defaults to `print`.
        live: Stream for a line that changes with each epoch, or `None` for
            none. Defaults to `None`.
    """

    def __init__(self, total, say=print, live=None):
        self.total = total
        self.done = 0
        self.say = say
        self.live = live
        self.started = time.monotonic()

    def watch(self, what):
        """Begins a model. Returns the callbacks that follow its training."""
        self.started = time.monotonic()
        if self.live is None:
            return []

        def show(epoch, logs):
            self.live.write(
                f"\r{self._place(self.done + 1)} {what}: epoch {epoch + 1}"
                "\x1b[K"
            )
            self.live.flush()

        return [keras.callbacks.LambdaCallback(on_epoch_end=show)]

    def finish(self, what, accuracy, is_new=True):
        """Ends a model.

        Args:
            what: Its name.
            accuracy: On the validation part.
            is_new: Whether it was trained just now. Defaults to `True`.
        """
        self.done += 1
        seconds = time.monotonic() - self.started
        how = f"{seconds:.1f} s" if is_new else "kept from before"
        if self.live is not None:
            self.live.write("\r\x1b[K")
            self.live.flush()
        self.say(
            f"{self._place(self.done)} {what}: {100 * accuracy:.1f} % on "
            f"validation, {how}"
        )

    def _place(self, number):
        width = len(str(self.total))
        return f"[{number:>{width}}/{self.total}]"


def terminal():
    """The standard output if someone watches it, else `None`."""
    return sys.stdout if sys.stdout.isatty() else None
