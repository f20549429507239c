"""Latency of models for one image."""

import dataclasses
import time

import keras
import numpy as np

from keras_kd import backend

BATCH = 1
ROUNDS = 100
WARM_UP = 5


@dataclasses.dataclass(frozen=True)
class Latency:
    """Seconds for a batch of `BATCH` images.

    Attributes:
        median: Of all calls.
        low: Lower quartile.
        high: Upper quartile.
    """

    median: float
    low: float
    high: float


def in_turn(models, images):
    """Times models in turn, so that the load of the machine hits all alike.

    Each is compiled, as it would be for use, and called with a few images at a
    time until its answer is an array: `predict` would add Keras's own
    milliseconds, which hide a small model's time.

    Args:
        models: Keras models of one input.
        images: At least `BATCH` images.

    Returns:
        A `Latency` for each.
    """
    batch = keras.ops.convert_to_tensor(images[:BATCH])
    calls = [_call(model, batch) for model in models]
    for call in calls:
        for _ in range(WARM_UP):
            call()
    seconds = np.empty((ROUNDS, len(calls)))
    for index in range(ROUNDS):
        # Reversed every other time: each follows now one, now another.
        for one in range(len(calls))[:: -1 if index % 2 else 1]:
            started = time.perf_counter()
            calls[one]()
            seconds[index, one] = time.perf_counter() - started
    return [_latency(column) for column in seconds.T]


def _call(model, batch):
    run = backend.compiled(
        lambda images: model(images, training=False), model.variables
    )
    # An array, since a device may return a tensor before it is computed.
    return lambda: keras.ops.convert_to_numpy(run(batch))


def _latency(seconds):
    low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Latency(float(median), float(low), float(high))
