"""The best students of a search at each cost."""

from collections.abc import Sequence

from keras_kd.report import search_trials
from keras_kd.search.results import TrialResult


def pareto_front(
    trials: Sequence[TrialResult],
    cost: str = "parameters",
    *,
    direction: str = "",
) -> list[TrialResult]:
    """Finds the trials whose score no other reaches at the same cost or less.

    This is the Pareto front of score against cost: a trial is on it if no
    other has a better score and costs no more, or the same score and costs
    less. Equal ones are on it together. `report.score_against_cost` draws it.

    It is optimistic, as the best of many trials is: train what you take from it
    with other seeds.

    Args:
        trials: What `search.results` returned, of a tuner that was made with
            `limits`. Trials without a score, those over a limit among them,
            and without this cost are left out.
        cost: `"parameters"`, `"bytes"` or `"milliseconds"`; see
            `search.Limits`. Defaults to `"parameters"`.
        direction: `"max"` or `"min"`, which score is best. Defaults to what
            the order of the trials says, the best first.

    Returns:
        List of trials, the cheapest first; those that cost the same by their
        numbers.

    Raises:
        ValueError: If `cost` or `direction` is unknown, or no trial with a
            score has the cost.

    Example:

    >>> trials = [
    ...     keras_kd.search.TrialResult(
    ...         str(n), n, "COMPLETED", score, {}, costs={"parameters": size}
    ...     )
    ...     for n, (score, size) in enumerate(
    ...         [(0.95, 900), (0.94, 300), (0.93, 500), (0.8, 100)]
    ...     )
    ... ]
    >>> [one.score for one in keras_kd.search.pareto_front(trials)]
    [0.8, 0.94, 0.95]
    """
    return search_trials.front(trials, cost, direction)
