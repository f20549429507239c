"""The interval of two of several arms, pair by pair."""

import math

import numpy as np
from scipy import stats

from tests.reference import float64


def interval(arms, first, second, level=0.95, comparisons=1):
    """A mean difference with its interval; the seeds' spread from all arms.

    Args:
        arms: Scores from 0 to 1, `(arms, seeds, examples)`.
        first: Place of the control.
        second: Place of what is judged.
        level: Confidence of all comparisons together.
        comparisons: Their number.

    Returns:
        `(mean, low, high)`.
    """
    others = {
        place: [
            seeds_square(arms[place], arm)
            for other, arm in enumerate(arms)
            if other != place
        ]
        for place in range(len(arms))
    }
    every = [square for squares in others.values() for square in squares]
    seeds = max(
        seeds_square(arms[first], arms[second]),
        np.mean(every),
        np.mean(others[first]),
        np.mean(others[second]),
    )
    before, after = float64(arms[first]), float64(arms[second])
    table = after - before
    n, m = table.shape
    columns = table.mean(axis=0)
    rest = table - columns - table.mean(axis=1)[:, None] + table.mean()
    rest = np.sum(rest**2) / ((n - 1) * (m - 1))
    examples = n * np.var(columns, ddof=1)
    tail = (1 - level) / (2 * comparisons)
    of_seeds = stats.t.isf(tail, (n - 1) * math.sqrt(len(arms) - 1)) ** 2
    of_examples = stats.t.isf(tail, m - 1) ** 2
    both = of_seeds * seeds + of_examples * max(examples - rest, 0)
    margin = math.sqrt(max(both, of_examples * examples) / (n * m))
    mean, control = table.mean(), before.mean()
    return mean, max(mean - margin, -control), min(mean + margin, 1 - control)


def seeds_square(before, after):
    """Mean square of the seeds of two arms: that of their difference."""
    of_seeds = (float64(after) - float64(before)).mean(axis=1)
    return np.shape(after)[1] * np.var(of_seeds, ddof=1)
