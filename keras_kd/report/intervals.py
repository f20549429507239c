"""Confidence intervals of the difference of two ways of training."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from keras_kd._core.arguments import as_float
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_part
from keras_kd._core.kinds import as_array
from keras_kd._core.kinds import check_pair
from keras_kd.report.spread import MIN_DISPUTED
from keras_kd.report.spread import Spread
from keras_kd.report.spread import quantile
from keras_kd.report.spread import spread_of


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean difference and the interval that it is uncertain within.

    Attributes:
        mean: Mean of the paired differences.
        low: Lower end of the interval.
        high: Upper end of the interval.
        level: Confidence, such as `0.95`, that all comparisons have together.
        count: Number of pairs: seeds.
        comparisons: Number of comparisons that it was corrected for.
        spread: How far seeds and test examples differ, a `Spread`; `None` if
            the interval counts the luck of the seeds only.
    """

    mean: float
    low: float
    high: float
    level: float
    count: int
    comparisons: int = 1
    spread: Spread | None = None

    @property
    def examples(self) -> int | None:
        """Number of test examples that it counts the luck of, or `None`."""
        return None if self.spread is None else self.spread.num_examples

    @property
    def covers(self) -> str:
        """The kinds of luck it counts: `"seeds"` or `"seeds and examples"`."""
        return "seeds" if self.spread is None else "seeds and examples"

    @property
    def side(self) -> int:
        """Side of zero that `verdict` claims: 1, -1, or 0 for neither."""
        spread = self.spread
        if spread is None or spread.num_disputed < MIN_DISPUTED:
            return 0
        return (self.low > 0) - (self.high < 0)

    @property
    def margin(self) -> float:
        """Half its width, before it is cut to what is possible."""
        if self.spread is None:
            return (self.high - self.low) / 2
        return self.spread.margin(self.level, self.comparisons)


def paired_interval(
    differences: Sequence[float], level: float = 0.95, comparisons: int = 1
) -> Interval:
    """Student's t-interval for the mean of paired differences.

    Pair what shares a seed: two students that start from the same seed and see
    the same images differ less by luck than two unrelated ones, so fewer seeds
    show the same gain.

    It covers other seeds on *these* test examples, not other examples:
    `compare` counts both.

    Args:
        differences: One difference per seed, at least two.
        level: Confidence between 0 and 1. Defaults to `0.95`.
        comparisons: Number of intervals that shall have this confidence
            together, by Bonferroni's correction. Defaults to `1`.

    Returns:
        An `Interval` that covers `"seeds"`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If there are fewer than two differences, one is not finite,
            `level` is not between 0 and 1, or `comparisons` is not an integer
            of at least 1.

    Example:

    >>> interval = keras_kd.report.paired_interval([0.01, 0.03])
    >>> f"{interval.mean:.3f} {interval.low:.3f} {interval.high:.3f}"
    '0.020 -0.107 0.147'
    """
    values = as_array("differences", differences, "one for each seed")
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            "`differences` must have at least 2 entries, since one has no "
            f"spread. Received: differences={differences!r}. Run more seeds."
        )
    if not np.all(np.isfinite(values)):
        raise ValueError(
            "`differences` must be finite, since their mean is taken. "
            f"Received: differences={values.tolist()}."
        )
    check_confidence(level, comparisons)
    mean = float(values.mean())
    factor = quantile(len(values) - 1, level, comparisons)
    margin = float(factor * values.std(ddof=1) / math.sqrt(len(values)))
    return Interval(
        mean, mean - margin, mean + margin, level, len(values), comparisons
    )


def compare(
    baseline: Sequence[float],
    treated: Sequence[float],
    level: float = 0.95,
    *,
    comparisons: int = 1,
    score_range: tuple[float, float] | None = None,
) -> Interval:
    """The interval of `treated - baseline`, paired by position.

    Give a score for each test example, such as whether the answer is right:
    the interval then covers other seeds *and* other examples.
    With n seeds, m examples, the mean squares S, E and R of seeds, examples and
    residual, and Student's quantiles t at `1 - (1 - level) / (2 comparisons)`,
    it reaches as far to either side of the mean as the root of

    ```
    max(t(n-1)^2 S + t(m-1)^2 max(E - R, 0), t(m-1)^2 E) / (n m)
    ```

    and is cut to the differences that this baseline leaves possible: one that
    is right 9 times out of 10 can be improved by 10 points at most. One seed,
    or one example, shows no spread, and leaves all of these open.

    Scores of one number a seed are taken too, for a t-interval over the seeds,
    `paired_interval`: a large gain on 40 examples can be the luck of these 40,
    however alike the seeds are, so `verdict` draws no conclusion from it.

    Args:
        baseline: Scores of the control: of each example for each seed,
            `(seeds, examples)`, or one number per seed, `(seeds,)`.
        treated: Scores of what is judged, for the same seeds and examples in
            the same order.
        level: Confidence between 0 and 1. Defaults to `0.95`.
        comparisons: Number of comparisons that shall have this confidence
            together, as where several arms meet one baseline, by Bonferroni's
            correction. Defaults to `1`.
        score_range: Lowest and highest score that are possible, infinite if
            there is no end. Defaults to `None`: 0 and 1 for scores of each
            example, no ends for one number per seed.

    Returns:
        An `Interval`, above zero where `treated` scores higher.

    Raises:
        ValueError: If the two differ in shape or have another one, a score is
            not a finite number within `score_range`, or the latter does not
            have its ends in order; see also `paired_interval`.

    Example:

    >>> random = np.random.default_rng(0)
    >>> alone = random.random((5, 200)) < 0.7
    >>> distilled = alone | (random.random((5, 200)) < 0.5)
    >>> gain = keras_kd.report.compare(alone, distilled)
    >>> gain.low > 0, gain.covers
    (True, 'seeds and examples')
    """
    before, after = table("baseline", baseline), table("treated", treated)
    if before.shape != after.shape:
        raise ValueError(
            "`baseline` and `treated` must have equally many entries, since "
            "they are paired by seed and example. Received: "
            f"{shown(before)} and {shown(after)} entries."
        )
    low, high = ends(score_range, before)
    check_range("baseline", before, low, high)
    check_range("treated", after, low, high)
    if before.ndim == 1:
        interval = paired_interval(after - before, level, comparisons)
        return _cut(interval, before, low, high)
    check_confidence(level, comparisons)
    spread = spread_of(after - before)
    return interval_of(before, after, spread, level, comparisons, (low, high))


def interval_of(before, after, spread, level, comparisons, limits):
    """The interval of `after - before`, two tables, from their `Spread`.

    Args:
        before: Scores of the control, `(seeds, examples)`.
        after: Scores of what is judged.
        spread: A `Spread`.
        level: See `compare`.
        comparisons: See `compare`.
        limits: Lowest and highest possible score.
    """
    # Not that of the differences, which may end outside by rounding.
    mean = float(after.mean() - before.mean())
    margin = spread.margin(level, comparisons)
    interval = Interval(
        mean,
        mean - margin,
        mean + margin,
        level,
        len(before),
        comparisons,
        spread,
    )
    return _cut(interval, before, *limits)


def _cut(interval, before, low, high):
    """Cuts an interval to the differences that a control leaves possible."""
    control = float(before.mean())
    return dataclasses.replace(
        interval,
        low=max(interval.low, low - control),
        high=min(interval.high, high - control),
    )


def shown(scores):
    """The shape of scores, for an error."""
    return " x ".join(map(str, scores.shape))


def ends(score_range, scores):
    """Lowest and highest possible score, as given or by default."""
    if score_range is None:
        return (0.0, 1.0) if scores.ndim == 2 else (-math.inf, math.inf)
    given = [
        as_float(end)
        for end in check_pair(
            "score_range", score_range, "the lowest and the highest score"
        )
    ]
    if not given[0] < given[1]:
        raise ValueError(
            "`score_range` must be the lowest and the highest possible score, "
            "since the interval ends there. Received: score_range="
            f"{score_range!r}."
        )
    return given


def table(name, given):
    """The scores as numbers, one for each example or for each seed."""
    try:
        array = np.asarray(given)
    except ValueError:  # Rows of different lengths.
        array = np.asarray(given, "object")
    # Truth values in one row are a seed's examples, not as many seeds.
    kinds = "iufb" if array.ndim == 2 else "iuf"
    if array.ndim not in (1, 2) or array.dtype.kind not in kinds:
        raise ValueError(
            f"`{name}` must hold a number for each example, (seeds, examples), "
            "or one for each seed, (seeds,), since it is paired by position. "
            f"Received: {name} of shape {array.shape} and type {array.dtype}. "
            "Give whether the answers of one seed are right as `right[None]`."
        )
    if not array.size:
        raise ValueError(
            f"`{name}` must have at least 1 entry, since their mean is taken. "
            f"Received: {name} of shape {array.shape}."
        )
    return array.astype("float64")


def check_range(name, scores, low, high):
    """Validates that scores are finite, and within their ends."""
    outside = ~np.isfinite(scores) | (scores < low) | (scores > high)
    if np.any(outside):
        raise ValueError(
            f"`{name}` must hold finite numbers from {low:g} to {high:g}, "
            f"since the interval is cut to them. Received: {name} with "
            f"{scores[outside].flat[0]:g}. Give `score_range=` for scores "
            "other than right and wrong."
        )


def check_confidence(level, comparisons):
    """Validates a level of confidence, and a number of comparisons."""
    check_part("level", level, "a probability")
    check_count("comparisons", comparisons, "intervals")
