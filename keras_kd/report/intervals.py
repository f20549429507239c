"""How sure a difference between two ways of training is."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean difference and the interval that it is uncertain within.

    Attributes:
        mean: Mean of the paired differences.
        low: Lower end of the interval.
        high: Upper end of the interval.
        level: Confidence, such as `0.95`.
        count: Number of pairs.
    """

    mean: float
    low: float
    high: float
    level: float
    count: int


def paired_interval(
    differences: Sequence[float], level: float = 0.95
) -> Interval:
    """Student's t-interval for the mean of paired differences.

    Pair what shares a seed: two students that start from the same seed and see
    the same images differ less by luck than two strangers, so fewer seeds
    show the same gain.

    Args:
        differences: One difference per seed, at least two.
        level: Confidence between 0 and 1. Defaults to `0.95`.

    Returns:
        An `Interval`.

    Raises:
        ValueError: If there are fewer than two differences, one is not finite,
            or `level` is not between 0 and 1.

    Example:

    >>> interval = keras_kd.report.paired_interval([0.01, 0.03])
    >>> f"{interval.mean:.3f} {interval.low:.3f} {interval.high:.3f}"
    '0.020 -0.107 0.147'
    """
    from scipy import stats

    values = np.asarray(differences, "float64")
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
    if not 0 < level < 1:
        raise ValueError(
            "`level` must be between 0 and 1, since it is a probability. "
            f"Received: level={level!r}."
        )
    mean = float(values.mean())
    quantile = stats.t.ppf((1 + level) / 2, len(values) - 1)
    margin = float(quantile * values.std(ddof=1) / math.sqrt(len(values)))
    return Interval(mean, mean - margin, mean + margin, level, len(values))


def compare(
    baseline: Sequence[float], treated: Sequence[float], level: float = 0.95
) -> Interval:
    """The interval of `treated - baseline`, paired by position.

    Args:
        baseline: Scores of the control, one per seed.
        treated: Scores of what is judged, for the same seeds in the same
            order.
        level: Confidence between 0 and 1. Defaults to `0.95`.

    Returns:
        An `Interval`, above zero where `treated` scores higher.

    Raises:
        ValueError: If the two differ in length; see also `paired_interval`.

    Example:

    >>> alone, distilled = [0.81, 0.83, 0.80], [0.85, 0.88, 0.84]
    >>> keras_kd.report.compare(alone, distilled).low > 0
    True
    """
    if len(baseline) != len(treated):
        raise ValueError(
            "`baseline` and `treated` must have equally many entries, since "
            f"they are paired by seed. Received: {len(baseline)} and "
            f"{len(treated)} entries."
        )
    return paired_interval(
        np.subtract(np.asarray(treated, "float64"), baseline), level
    )


def verdict(
    interval: Interval,
    treated: str = "Distillation",
    baseline: str = "the student alone",
) -> str:
    """Says in one sentence whether it helped.

    Args:
        interval: What `compare` returned, of accuracies as fractions.
        treated: What is judged, at the start of the sentence. Defaults to
            `"Distillation"`.
        baseline: What it is compared with. Defaults to
            `"the student alone"`.

    Returns:
        A sentence that claims a gain only if the whole interval is above zero.

    Example:

    >>> alone, distilled = [0.81, 0.83, 0.80], [0.80, 0.86, 0.79]
    >>> print(keras_kd.report.verdict(
    ...     keras_kd.report.compare(alone, distilled)))
    Distillation showed no clear gain over the student alone: +0.3 points of
    accuracy, 95 % interval -5.4 to +6.1 over 3 seeds, which includes zero.
    """
    figures = (
        f"{100 * interval.mean:+.1f} points of accuracy, "
        f"{100 * interval.level:g} % interval {100 * interval.low:+.1f} to "
        f"{100 * interval.high:+.1f} over {interval.count} seeds"
    )
    if interval.low > 0:
        return f"{treated} helped over {baseline}: {figures}."
    if interval.high < 0:
        return f"{treated} did harm against {baseline}: {figures}."
    return (
        f"{treated} showed no clear gain over {baseline}: {figures}, which "
        "includes zero."
    )
