"""Pictures of a search. Each function returns a matplotlib `Figure`."""

import dataclasses
import math
import textwrap
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Light for the worst, dark for the best; distinct without colour vision.
COLOR_MAP = "viridis_r"
# Above this ratio of the ends, numbers are drawn on a logarithmic axis.
WIDE = 8.0
# Where a line passes an axis of a knob that did not count.
NOT_USED = -0.14
NAME_WIDTH = 13
# Trials that are so many quartile distances worse than the lower quartile, such
# as those that went astray, are drawn at the edge; with fewer trials than this
# there are none.
FENCE = 1.5
FEW = 5
COLUMNS = 3


@dataclasses.dataclass(frozen=True)
class _Axis:
    """A knob on paper.

    Attributes:
        name: Its name.
        place: From a value to where it is, 0 for the lowest to 1.
        ticks: Places and what stands there.
    """

    name: str
    place: Callable[..., Any]
    ticks: list[tuple[float, str]]


def parallel_coordinates(
    trials: Sequence[Any], label: str = "score", scale: float = 1.0
) -> "Figure":
    """Draws each trial as a line over one axis for each knob.

    The last axis is the score, which the colours show too. Lines below an axis
    belong to trials in which that knob did not count. Trials that are much
    worse than most are drawn at the end of the scale.

    Args:
        trials: What has a `score`, and `knobs`, a dict from names to numbers
            or strings; such as `search.TrialResult`s. The best first, as
            `search.results` gives them. Those without a score are left out.
        label: What the score is. Defaults to `"score"`.
        scale: Factor on the score, such as 100 for percent. Defaults to `1.0`.

    Returns:
        A matplotlib `Figure`.
    """
    scored, scores, edge = _scored(trials, scale)
    names = _varying(scored)
    values = [[one.knobs.get(name) for one in scored] for name in names]
    axes_of = [_axis(n, v) for n, v in zip(names, values, strict=True)]
    axes_of.append(_axis(label, list(scores), is_linear=True, edge=edge))
    values.append(list(scores))
    figure = _figure(1.75 * len(axes_of) + 2.2, 4.8)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-0.6, len(axes_of) - 0.5), ylim=(NOT_USED - 0.08, 1.12))
    colors = _colors(scores)
    for index in np.argsort(scores if _is_max(scored) else -scores):
        places = [
            NOT_USED if column[index] is None else one.place(column[index])
            for one, column in zip(axes_of, values, strict=True)
        ]
        color = colors.to_rgba(scores[index])
        axes.plot(places, color=color, lw=1.6, alpha=0.9)
    for x, one in enumerate(axes_of):
        _draw_axis(axes, x, one)
    if any(None in column for column in values):
        axes.text(-0.1, NOT_USED, "not used", ha="right", va="center", size=8)
    figure.colorbar(colors, ax=axes, label=label, shrink=0.8)
    return figure


def slices(
    trials: Sequence[Any], label: str = "score", scale: float = 1.0
) -> "Figure":
    """Draws the score against each knob.

    Args:
        trials: See `parallel_coordinates`.
        label: See `parallel_coordinates`.
        scale: See `parallel_coordinates`.

    Returns:
        A matplotlib `Figure`.
    """
    scored, scores, edge = _scored(trials, scale)
    names = _varying(scored)
    rows = max(1, math.ceil(len(names) / COLUMNS))
    columns = max(1, min(COLUMNS, len(names)))
    figure = _figure(3.1 * columns + 0.6, 2.9 * rows + 0.3)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    panels = list(panels.flat)
    colors = _colors(scores)
    for axes, name in zip(panels, names, strict=False):
        used = [i for i, one in enumerate(scored) if name in one.knobs]
        values = [scored[i].knobs[name] for i in used]
        x = _across(axes, values)
        axes.scatter(
            x, scores[used], color=colors.to_rgba(scores[used]), ec="0.3"
        )
        axes.set_xlabel(name.replace("_", " "))
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if edge is not None:
        label += f", {_edge_text(*edge)} at the edge"
    figure.supylabel(label)
    return figure


def _scored(trials, scale):
    scored = [one for one in trials if one.score is not None]
    if not scored:
        raise ValueError(
            "`trials` must have at least one with a score, or there is nothing "
            f"to draw. Received: {len(trials)} trials without."
        )
    scores = scale * np.array([one.score for one in scored])
    return scored, *_within_fence(scores, _is_max(scored))


def _within_fence(scores, is_max):
    """Scores without those far worse than most, and where these begin.

    Returns:
        `(scores, edge)`, with an edge of `(sign, score)` or `None`.
    """
    lower, upper = np.percentile(scores, [25, 75])
    distance = FENCE * (upper - lower)
    fence = lower - distance if is_max else upper + distance
    is_far = scores < fence if is_max else scores > fence
    if len(scores) < FEW or not is_far.any():
        return scores, None
    edge = min(scores[~is_far]) if is_max else max(scores[~is_far])
    clipped = np.maximum(scores, edge) if is_max else np.minimum(scores, edge)
    return clipped, ("≤" if is_max else "≥", float(edge))


def _edge_text(sign, edge):
    return f"{sign} {edge:.3g}"


def _is_max(scored):
    """Whether the best come first, as they do in a list of results."""
    return scored[0].score >= scored[-1].score


def _varying(scored):
    """Knobs with several values, or all if none has."""
    names = dict.fromkeys(name for one in scored for name in one.knobs)
    return [
        name
        for name in names
        if len({one.knobs.get(name) for one in scored}) > 1
    ] or list(names)


def _axis(name, values, is_linear=False, edge=None):
    given = [value for value in values if value is not None]
    if isinstance(given[0], str):
        kinds = sorted(set(given))
        steps = np.linspace(0, 1, len(kinds)) if len(kinds) > 1 else [0.5]
        places = dict(zip(kinds, map(float, steps), strict=True))
        return _Axis(name, places.get, [(p, k) for k, p in places.items()])
    low, high = min(given), max(given)
    is_log = not is_linear and _is_wide(given)
    measure = math.log if is_log else float
    width = (measure(high) - measure(low)) or 1.0
    middle = math.sqrt(low * high) if is_log else (low + high) / 2
    ticks = [low, middle, high] if high > low else [low]

    def place(value):
        if high == low:
            return 0.5
        return (measure(value) - measure(low)) / width

    texts = {value: f"{value:.3g}" for value in ticks}
    if edge is not None:
        texts[edge[1]] = _edge_text(*edge)
    return _Axis(name, place, [(place(v), text) for v, text in texts.items()])


def _is_wide(values):
    return min(values) > 0 and max(values) > WIDE * min(values)


def _draw_axis(axes, x, one):
    axes.plot([x, x], [0, 1], color="0.2", lw=1)
    title = textwrap.fill(one.name.replace("_", " "), NAME_WIDTH)
    axes.text(x, 1.04, title, ha="center", va="bottom", size=9)
    for place, text in one.ticks:
        shown = textwrap.fill(text.replace("_", " "), NAME_WIDTH)
        axes.text(
            x - 0.04,
            place,
            shown,
            ha="right",
            va="center",
            size=8,
            bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.5},
        )


def _across(axes, values):
    """Positions of values on a panel; sets up its horizontal axis."""
    if not isinstance(values[0], str):
        if _is_wide(values):
            _make_logarithmic(axes.xaxis)
        return values
    kinds = sorted(set(values))
    axes.set_xticks(
        range(len(kinds)),
        [textwrap.fill(k.replace("_", " "), NAME_WIDTH) for k in kinds],
        size=8,
    )
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    return [kinds.index(value) for value in values]


def _make_logarithmic(axis):
    """Numbers at 1 and 3 of each decade, which do not overlap."""
    from matplotlib.ticker import FuncFormatter
    from matplotlib.ticker import LogLocator
    from matplotlib.ticker import NullFormatter

    axis.axes.set_xscale("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _colors(scores):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = float(scores.min()), float(scores.max())
    high = high if high > low else low + 1e-9
    return ScalarMappable(Normalize(low, high), COLOR_MAP)


def _figure(width, height):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")
