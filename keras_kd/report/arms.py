"""Several arms of one table: pairs with a margin in common, and a ranking."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from keras_kd._core.kinds import check_list
from keras_kd._core.kinds import check_pair
from keras_kd._types import Tensor
from keras_kd.report.intervals import Interval
from keras_kd.report.intervals import check_confidence
from keras_kd.report.intervals import check_range
from keras_kd.report.intervals import ends
from keras_kd.report.intervals import interval_of
from keras_kd.report.intervals import shown
from keras_kd.report.intervals import table
from keras_kd.report.spread import pooled_degrees
from keras_kd.report.spread import pooled_squares
from keras_kd.report.spread import spread_of


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Several arms against a baseline, and against the best of them.

    Attributes:
        baseline: Name of the arm that the gains are over.
        means: Mean score of each arm, by name, the best first.
        gains: The `Interval` of each other arm minus the baseline.
        behind: The `Interval` of each other arm minus the best one.
    """

    baseline: str
    means: dict[str, float]
    gains: dict[str, Interval]
    behind: dict[str, Interval]

    @property
    def best(self) -> str:
        """The arm with the highest mean."""
        return next(iter(self.means))

    @property
    def leaders(self) -> tuple[str, ...]:
        """The best arm, and all that cannot be told from it."""
        return tuple(
            name
            for name in self.means
            if name == self.best or not self.behind[name].side
        )

    @property
    def like_baseline(self) -> tuple[str, ...]:
        """The baseline, and all arms that cannot be told from it."""
        return tuple(
            name
            for name in self.means
            if name == self.baseline or not self.gains[name].side
        )


def compare_arms(
    arms: Mapping[str, Tensor],
    pairs: Sequence[tuple[str, str]],
    level: float = 0.95,
    *,
    score_range: tuple[float, float] | None = None,
) -> list[Interval]:
    """Intervals of differences between arms that share seeds and examples.

    As `compare` for each pair, corrected for the number of pairs, but the
    spread of the seeds is learnt from all arms, which a few seeds of two arms
    show badly: with 3 seeds of 9 arms a margin that is the seeds' own is less
    than half as wide. The seeds' mean square of a pair is the largest of its
    own, of the mean over all pairs of arms, and of the means over the pairs of
    either arm, so an arm that is less steady than the others has a wider
    interval. With n seeds and k arms it has `(n - 1) sqrt(k - 1)` degrees of
    freedom. For two arms all is as in `compare`.

    The correction is Bonferroni's. Dunnett's assumes that all arms are equally
    steady; against it this costs width, for 8 arms and one baseline 3 % with
    very many seeds, 7 % with 5 and 14 % with 3. Holm's would claim gains whose
    interval includes zero.

    Args:
        arms: For each arm, by name, the score of each example for each seed,
            `(seeds, examples)`, such as whether the answer is right.
        pairs: For each comparison, names of the baseline and the treated arm.
        level: Confidence that all pairs have together. Defaults to `0.95`.
        score_range: See `compare`.

    Returns:
        An `Interval` for each pair, above zero where the treated arm is better.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If there are fewer than two arms or no pairs, the tables
            differ in shape or are no tables, or a pair names no arm or one
            twice; see also `compare`.

    Example:

    >>> hard = np.random.default_rng(0).random(900)  # Test examples.
    >>> arms = {
    ...     "alone": hard < [[0.70], [0.71], [0.69]],
    ...     "dkd": hard < [[0.74], [0.75], [0.75]],
    ...     "crd": hard < [[0.71], [0.70], [0.72]],
    ... }
    >>> gains = keras_kd.report.compare_arms(
    ...     arms, [("alone", "dkd"), ("alone", "crd")])
    >>> [gain.side for gain in gains]
    [1, 0]
    """
    tables, limits = _checked(arms, score_range)
    pairs = _checked_pairs(pairs, tables)
    check_confidence(level, len(pairs))
    stacked = np.stack(list(tables.values()))
    num_examples = stacked.shape[-1]
    names = list(tables)
    pooled = None
    if stacked.shape[1] > 1:
        pooled = pooled_squares(stacked.mean(axis=-1), num_examples)
    found = []
    for first, second in pairs:
        before, after = tables[first], tables[second]
        spread = spread_of(after - before)
        if pooled is not None:
            place = names.index(first), names.index(second)
            spread = dataclasses.replace(
                spread,
                seeds=max(spread.seeds, float(pooled[place])),
                degrees_per_seed=pooled_degrees(len(names)),
            )
        found.append(
            interval_of(before, after, spread, level, len(pairs), limits)
        )
    return found


def rank_arms(
    arms: Mapping[str, Tensor],
    baseline: str,
    level: float = 0.95,
    *,
    score_range: tuple[float, float] | None = None,
) -> Ranking:
    """Compares arms with a baseline, and with the best of them.

    Each of the two questions is answered with the confidence of `level`, by
    `compare_arms`. That the best was chosen by its score is no harm: the arm
    that is best in truth is told apart from the seeming one, so left out of
    the leaders, as rarely as `level` says, since it meets each other arm once.

    Args:
        arms: See `compare_arms`.
        baseline: Name of the arm that the others are to beat.
        level: Confidence between 0 and 1. Defaults to `0.95`.
        score_range: See `compare`.

    Returns:
        A `Ranking`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If `baseline` is no arm; see also `compare_arms`.

    Example:

    >>> hard = np.random.default_rng(0).random(900)  # Test examples.
    >>> arms = {
    ...     "alone": hard < [[0.70], [0.71], [0.69]],
    ...     "dkd": hard < [[0.74], [0.75], [0.75]],
    ...     "nkd": hard < [[0.74], [0.74], [0.76]],
    ...     "crd": hard < [[0.71], [0.70], [0.72]],
    ... }
    >>> ranking = keras_kd.report.rank_arms(arms, "alone")
    >>> ranking.leaders, ranking.like_baseline
    (('nkd', 'dkd'), ('crd', 'alone'))
    """
    tables, _ = _checked(arms, score_range)
    if baseline not in tables:
        raise ValueError(
            "`baseline` must be the name of an arm, since the others are to "
            f"beat it. Received: baseline={baseline!r}. There are: "
            f"{_listed(tables)}."
        )
    means = {name: float(of.mean()) for name, of in tables.items()}
    order = sorted(means, key=means.get, reverse=True)
    others = [name for name in order if name != baseline]
    found = [
        compare_arms(
            arms,
            [(first, name) for name in order if name != first],
            level,
            score_range=score_range,
        )
        for first in (baseline, order[0])
    ]
    return Ranking(
        baseline,
        {name: means[name] for name in order},
        dict(zip(others, found[0], strict=True)),
        dict(zip(order[1:], found[1], strict=True)),
    )


def _checked(arms, score_range):
    """Tables of scores by name, and the lowest and highest possible score."""
    if not isinstance(arms, Mapping):
        raise TypeError(
            "`arms` must be a dict from names to scores, (seeds, examples). "
            f"Received: arms={arms!r} of type {type(arms).__name__}."
        )
    tables = {name: table(f"arms[{name!r}]", of) for name, of in arms.items()}
    shapes = {name: shown(of) for name, of in tables.items()}
    if len(tables) < 2 or len(set(shapes.values())) > 1:
        raise ValueError(
            "`arms` must be at least 2 tables of one shape, since they are "
            f"paired by seed and example. Received: entries of {shapes}."
        )
    one = next(iter(tables.values()))
    if one.ndim == 1:
        raise ValueError(
            "`arms` must have a score of each example for each seed, (seeds, "
            "examples), since the luck of both is counted. Received: one "
            f"number for each of {len(one)} seeds. Hand two such arms to "
            "`compare`, for the seeds alone."
        )
    limits = ends(score_range, one)
    for name, of in tables.items():
        check_range(f"arms[{name!r}]", of, *limits)
    return tables, limits


def _checked_pairs(pairs, tables):
    pairs = check_list("pairs", pairs, "pairs of arms")
    if not pairs:
        raise ValueError(
            "`pairs` must name at least 1 pair of arms, since nothing is "
            f"compared without. Received: pairs={pairs!r}. Write "
            '[("alone", "distilled")], with the names of your arms.'
        )
    pairs = [
        check_pair("pairs", pair, "a baseline and a treated arm")
        for pair in pairs
    ]
    for pair in pairs:
        if set(pair) - set(tables) or pair[0] == pair[1]:
            raise ValueError(
                "`pairs` must name two arms each. Received: "
                f"{tuple(pair)!r}. There are: {_listed(tables)}."
            )
    return pairs


def _listed(tables):
    return ", ".join(map(str, tables))
