"""Times of calls that take turns, so that the machine's load hits all alike."""

import dataclasses
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import numpy as np

ROUNDS = 100
WARM_UP = 5


@dataclasses.dataclass(frozen=True)
class Latency:
    """Seconds for a batch.

    Attributes:
        median: Of all calls.
        low: Lower quartile.
        high: Upper quartile.
    """

    median: float
    low: float
    high: float


def in_turn(calls: Sequence[Callable[[], Any]]) -> list[Latency]:
    """Times functions in turn.

    Args:
        calls: Functions without arguments that return when they are done.

    Returns:
        A `Latency` for each.
    """
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


def _latency(seconds):
    low, median, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    return Latency(float(median), float(low), float(high))
