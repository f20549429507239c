"""The time of a step."""

import statistics
import time

import keras


class StepClock(keras.callbacks.Callback):
    """Seconds from the end of a batch to that of the next.

    The first batch of an epoch, which may compile, is left out.
    """

    def __init__(self):
        super().__init__()
        self._seconds = []
        self._last = None

    def on_epoch_begin(self, epoch, logs=None):
        self._last = None

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self._last is not None:
            self._seconds.append(now - self._last)
        self._last = now

    @property
    def median(self):
        """Median of all steps; `None` where no epoch has two."""
        return statistics.median(self._seconds) if self._seconds else None
