"""Importance of each knob for the score."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_kd.report.search_trials import check_trials
from keras_kd.search.results import TrialResult

MIN_TRIALS = 10
TRIALS_PER_KNOB = 2
EPOCHS = "epochs"
_TREES = 100
_REPEATS = 10


@dataclasses.dataclass(frozen=True)
class Importance:
    """Importance of the knobs by a random forest.

    Attributes:
        shares: Dict from the names of the knobs to their shares, which add up
            to 1, the largest first. Empty if it is not known.
        explained: Share of the variance of the ranks that the forest
            explains, for trials that it was not shown; `None` without shares.
        reason: Why it is not known, or an empty text.
    """

    shares: dict[str, float]
    explained: float | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return self.reason
        return ", ".join(
            f"{name} {100 * share:.0f} %" for name, share in self.shares.items()
        )


def importance(results: Sequence[TrialResult]) -> Importance:
    """Estimates the importance of each knob for the score.

    A random forest learns the rank of the score from the knobs; the score
    itself would let one diverged trial outweigh all others. The importance of a
    knob is how much worse the forest gets when the values of this knob are
    shuffled among the trials. It holds for the ranges that were searched, and
    is a hint, no proof, with the few trials of a search. Where there are too
    few, or the forest predicts no better than the mean, a reason replaces the
    numbers.

    Args:
        results: What `search.results` returned. Trials without a score are
            left out. If the tuner chose the epochs, these count as a knob.

    Returns:
        An `Importance`.

    Example:

    >>> trials = [
    ...     keras_kd.search.TrialResult(
    ...         str(n), n, "COMPLETED", n / 20, {"rate": n / 10, "depth": n % 3}
    ...     )
    ...     for n in range(20)
    ... ]
    >>> found = keras_kd.search.importance(trials)
    >>> list(found.shares), found.shares["rate"] > 0.9
    (['rate', 'depth'], True)
    >>> print(keras_kd.search.importance(trials[:3]))
    3 trials are too few to tell: it takes 10.
    """
    results = check_trials("results", results)
    scored = [one for one in results if one.score is not None]
    settings = [_settings(one) for one in scored]
    columns = varying(settings)
    needed = max(MIN_TRIALS, TRIALS_PER_KNOB * len(columns))
    if len(scored) < needed:
        return Importance(
            {},
            reason=f"{len(scored)} trials are too few to tell: it takes "
            f"{needed}.",
        )
    scores = np.array([one.score for one in scored])
    if not columns or np.ptp(scores) == 0:
        which = "scores" if columns else "knobs"
        return Importance({}, reason=f"All trials have the same {which}.")
    return _of_forest(
        columns, [_encoded(settings, name) for name in columns], scores
    )


def _settings(result):
    own = {} if result.epochs is None else {EPOCHS: result.epochs}
    return result.knobs | own


def varying(settings: Sequence[dict[str, Any]]) -> list[str]:
    """Names of the knobs that have more than one value.

    Args:
        settings: Dict from names of knobs to values, for each trial.
    """
    names = dict.fromkeys(name for one in settings for name in one)
    return [
        name
        for name in names
        if len({one[name] for one in settings if name in one}) > 1
    ]


def _encoded(settings, name):
    """Encodes the values of a knob as numbers; unused ones as the middle."""
    given = [one[name] for one in settings if name in one]
    if isinstance(given[0], str):
        codes = {value: code for code, value in enumerate(sorted(set(given)))}
        given = [codes[value] for value in given]
    else:
        codes = {value: value for value in given}
    middle = float(np.median(given))
    return [codes[one[name]] if name in one else middle for one in settings]


def _of_forest(names, columns, scores):
    from scipy.stats import rankdata
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    x = np.array(columns, "float64").T
    forest = RandomForestRegressor(_TREES, oob_score=True, random_state=0)
    ranks = rankdata(scores)
    forest.fit(x, ranks)
    if not forest.oob_score_ > 0:
        return Importance(
            {},
            reason=f"In {len(scores)} trials no knob tells the score: a forest "
            "predicts it no better than the mean does.",
        )
    worse = permutation_importance(
        forest, x, ranks, n_repeats=_REPEATS, random_state=0
    ).importances_mean
    worse = np.maximum(worse, 0)
    total = math.fsum(worse)
    shares = dict(zip(names, (worse / total).tolist(), strict=True))
    ordered = sorted(shares, key=shares.get, reverse=True)
    return Importance(
        {name: shares[name] for name in ordered}, float(forest.oob_score_)
    )
