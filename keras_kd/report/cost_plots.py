"""Picture of the students of a search by what they cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

from keras_kd._core.arguments import check_positive
from keras_kd.report.drawing import legend_below
from keras_kd.report.drawing import make_logarithmic
from keras_kd.report.drawing import new_figure
from keras_kd.report.search_trials import check_label
from keras_kd.report.search_trials import front
from keras_kd.report.search_trials import with_cost

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRONT = "#0072B2"
# How far the axis reaches beyond the costs, as a power of their ratio.
ROOM = 0.06


def score_against_cost(
    trials: Sequence[Any],
    cost: str = "parameters",
    label: str = "score",
    scale: float = 1.0,
    *,
    direction: str = "",
) -> "Figure":
    """Draws the score of each trial by what its student costs.

    The line is the Pareto front, `search.pareto_front`: the best score for a
    cost, up to the next student that is better.

    Args:
        trials: What `search.results` returned, of a tuner that was made with
            `limits`. Those without a score or this cost are left out.
        cost: `"parameters"`, `"bytes"` or `"milliseconds"`. Defaults to
            `"parameters"`.
        label: What the score is. Defaults to `"score"`.
        scale: Factor on the score, such as 100 for percent. Defaults to `1.0`.
        direction: See `search.pareto_front`.

    Returns:
        A matplotlib `Figure`.

    Raises:
        ValueError: If no trial has a score and this cost.
    """
    check_label(label)
    check_positive("scale", scale, "a factor on the score")
    best = front(trials, cost, direction)
    if not best:
        raise ValueError(
            "`trials` must have at least one with a score, or there is nothing "
            f"to draw. Received: {len(trials)} trials without."
        )
    shown = with_cost(trials, cost)
    x, y = _points(shown, cost, scale)
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.scatter(x, y, s=28, fc="none", ec="0.4", label="a trial")
    low, high = min(x), max(x)
    room = max((high / low) ** ROOM, 1.05)
    x, y = _points(best, cost, scale)
    axes.step(
        [*x, high * room],
        [*y, y[-1]],
        where="post",
        color=FRONT,
        label="best at this cost or less",
    )
    axes.scatter(x, y, s=28, color=FRONT)
    make_logarithmic(
        axes.xaxis, low / room, high * room, text="{:,.10g}".format
    )
    axes.margins(y=0.1)
    axes.set(
        title="Students of the search by cost",
        xlabel=f"{cost} (logarithmic)",
        ylabel=label,
    )
    legend_below(figure, axes)
    return figure


def _points(trials, cost, scale):
    return (
        [one.costs[cost] for one in trials],
        [scale * one.score for one in trials],
    )
