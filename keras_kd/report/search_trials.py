"""Trials of a search as pictures show them: scores, knobs, scales."""

import itertools

import numpy as np

from keras_kd._core.arguments import check_positive
from keras_kd._core.kinds import check_list

# Above this ratio of the ends, numbers of a knob that does not tell how it is
# sampled are drawn on a logarithmic axis.
WIDE = 8.0
LOG = "log"
# Trials that are so many quartile distances worse than the lower quartile, such
# as those that went astray, are drawn at the edge; with fewer trials than this
# there are none.
FENCE = 1.5
FEW = 5


def check_trials(argument, trials):
    """Validates that an argument is a list of results of trials.

    Args:
        argument: The caller's argument.
        trials: What was given.

    Returns:
        A list of what has a `score` and `knobs`.
    """
    trials = check_list(argument, trials, "what `search.results` returned")
    for one in trials:
        if not (hasattr(one, "score") and hasattr(one, "knobs")):
            raise TypeError(
                f"`{argument}` must be what `search.results` returned, or have "
                f"`score` and `knobs` as that. Received: {one!r} of type "
                f"{type(one).__name__}."
            )
    return trials


def check_label(label):
    """Validates that an argument `label` is a string."""
    if not isinstance(label, str):
        raise TypeError(
            "`label` must be a string, the name of the score. Received: label="
            f"{label!r}."
        )


def scored_trials(trials, scale):
    """Trials that have a score, their scores, and where these are cut.

    Args:
        trials: Trials, the best first.
        scale: Factor on the scores.

    Returns:
        `(trials, scores, edge)`: an array without scores far worse than most,
        and the sign and the score at which they are drawn, or `None`.

    Raises:
        ValueError: If none has a score.
    """
    trials = check_trials("trials", trials)
    check_positive("scale", scale, "a factor on the score")
    scored = [one for one in trials if one.score is not None]
    if not scored:
        raise ValueError(
            "`trials` must have at least one with a score, or there is nothing "
            f"to draw. Received: {len(trials)} trials without."
        )
    scores = scale * np.array([one.score for one in scored])
    return scored, *_within_fence(scores, highest_is_best(scored))


def _within_fence(scores, is_max):
    lower, upper = np.percentile(scores, [25, 75])
    distance = FENCE * (upper - lower)
    fence = lower - distance if is_max else upper + distance
    is_far = scores < fence if is_max else scores > fence
    if len(scores) < FEW or not is_far.any():
        return scores, None
    edge = min(scores[~is_far]) if is_max else max(scores[~is_far])
    clipped = np.maximum(scores, edge) if is_max else np.minimum(scores, edge)
    return clipped, ("≤" if is_max else "≥", float(edge))


def front(trials, cost, direction=""):
    """Trials whose score no other reaches at the same cost or less.

    Args:
        trials: See `search.pareto_front`.
        cost: Likewise.
        direction: Likewise. Defaults to what the order of the trials says.

    Returns:
        List of trials, the cheapest first.
    """
    if direction not in ("", "max", "min"):
        raise ValueError(
            '`direction` must be "max" or "min". Received: direction='
            f"{direction!r}."
        )
    known = with_cost(trials, cost)
    if not known:
        return []
    is_max = direction == "max" if direction else highest_is_best(known)
    sign = 1 if is_max else -1
    known.sort(key=lambda one: (one.costs[cost], one.number))
    found, best = [], -np.inf
    for _, equal in itertools.groupby(known, lambda one: one.costs[cost]):
        equal = list(equal)
        highest = max(sign * one.score for one in equal)
        if highest > best:
            best = highest
            found += [one for one in equal if sign * one.score == best]
    return found


def with_cost(trials, cost):
    """Trials that have a score and a cost.

    Args:
        trials: See `search.pareto_front`.
        cost: Likewise.

    Raises:
        ValueError: If there are trials with a score, and none has the cost.
    """
    trials = check_trials("trials", trials)
    scored = [one for one in trials if one.score is not None]
    known = sorted({c for one in scored for c in getattr(one, "costs", ())})
    if scored and cost not in known:
        raise ValueError(
            "`cost` must be one that the trials have. Received: cost="
            f"{cost!r}, and trials with {', '.join(known) or 'none'}. Give "
            "`limits=search.Limits(...)` to `search.make_tuner`."
        )
    return [one for one in scored if cost in getattr(one, "costs", ())]


def edge_text(sign, edge):
    """The text of the edge of the scores."""
    return f"{sign} {edge:.3g}"


def highest_is_best(scored):
    """Whether the best come first, as they do in a list of results."""
    return scored[0].score >= scored[-1].score


def varying(scored):
    """Knobs with several values, or all if none has."""
    names = dict.fromkeys(name for one in scored for name in one.knobs)
    return [
        name
        for name in names
        if len({one.knobs.get(name) for one in scored}) > 1
    ] or list(names)


def is_log(name, values, trials):
    """Whether a knob is drawn on a logarithmic axis.

    Args:
        name: Its name.
        values: Its values, `None` where it did not count.
        trials: All trials.
    """
    given = [value for value in values if value is not None]
    if isinstance(given[0], str) or min(given) <= 0:
        return False
    for one in trials:
        sampling = getattr(one, "sampling", {}).get(name)
        if sampling is not None:
            return sampling == LOG
    return max(given) > WIDE * min(given)
