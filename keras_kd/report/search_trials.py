"""Trials of a search as pictures show them: scores, knobs, scales."""

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
