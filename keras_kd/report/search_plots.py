"""Pictures of a search. Each function returns a matplotlib `Figure`."""

import dataclasses
import math
import textwrap
from collections.abc import Callable
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any

import numpy as np

from keras_kd.report.drawing import LINE
from keras_kd.report.drawing import SMALL_LINE
from keras_kd.report.drawing import make_logarithmic
from keras_kd.report.drawing import new_figure
from keras_kd.report.search_trials import check_label
from keras_kd.report.search_trials import edge_text
from keras_kd.report.search_trials import highest_is_best
from keras_kd.report.search_trials import is_log
from keras_kd.report.search_trials import scored_trials
from keras_kd.report.search_trials import varying

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Light for the worst, dark for the best; distinct without colour vision.
COLOR_MAP = "viridis_r"
# Where a line passes an axis of a knob that did not count.
NOT_USED = -0.14
# Letters of a line: names above an axis, choices beside one, names and choices
# below a panel.
NAME_WIDTH = 13
KIND_WIDTH = 19
PANEL_WIDTH = 28
UPRIGHT_WIDTH = 24
# More choices than this do not stand side by side below a panel.
SIDE_BY_SIDE = 4
# Inches from one axis to the next, and those of a panel.
STEP = 1.75
PANEL = 3.1, 2.9
# Lines of more trials are thinner.
MANY = 50
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

    @property
    def height(self):
        """Inches in which the ticks stand apart."""
        lines = max(text.count("\n") + 1 for _, text in self.ticks)
        return (len(self.ticks) - 1) * (lines * SMALL_LINE + 0.04)


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
            A knob has a logarithmic axis if it has `"log"` in `sampling`, a
            dict from names; one that `sampling` does not name, if its highest
            value is more than 8 times its lowest.
        label: What the score is. Defaults to `"score"`.
        scale: Factor on the score, such as 100 for percent. Defaults to `1.0`.

    Returns:
        A matplotlib `Figure`.
    """
    check_label(label)
    scored, scores, edge = scored_trials(trials, scale)
    names = varying(scored)
    values = [[one.knobs.get(name) for one in scored] for name in names]
    axes_of = [
        _axis(name, column, is_log(name, column, scored))
        for name, column in zip(names, values, strict=True)
    ]
    axes_of.append(_axis(label, list(scores), edge=edge))
    values.append(list(scores))
    titles = [one.name.count("\n") + 1 for one in axes_of]
    # Of the height, three quarters are that of the axes.
    height = max(3.4, *(one.height for one in axes_of)) / 0.75
    height += max(titles) * LINE + 0.5
    figure = new_figure(STEP * len(axes_of) + 1.8, height)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(-0.6, len(axes_of) - 0.9), ylim=(NOT_USED - 0.03, 1.04))
    figure.suptitle("Trials of the search, a line each")
    colors = _colors(scores)
    for index in np.argsort(scores if highest_is_best(scored) else -scores):
        places = [
            NOT_USED if column[index] is None else one.place(column[index])
            for one, column in zip(axes_of, values, strict=True)
        ]
        color = colors.to_rgba(scores[index])
        width = 1.6 if len(scored) <= MANY else 0.8
        axes.plot(places, color=color, lw=width, alpha=0.9)
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
    scored, scores, edge = scored_trials(trials, scale)
    names = varying(scored)
    rows = max(1, math.ceil(len(names) / COLUMNS))
    columns = max(1, min(COLUMNS, len(names)))
    figure = new_figure(PANEL[0] * columns + 0.6, PANEL[1] * rows + 0.6)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    panels = list(panels.flat)
    colors = _colors(scores)
    for axes, name in zip(panels, names, strict=False):
        used = [i for i, one in enumerate(scored) if name in one.knobs]
        values = [scored[i].knobs[name] for i in used]
        is_wide = is_log(name, values, scored)
        x = _across(axes, values, is_wide)
        axes.scatter(
            x, scores[used], color=colors.to_rgba(scores[used]), ec="0.3"
        )
        mark = " (log)" if is_wide else ""
        axes.set_xlabel(_shown(name + mark, PANEL_WIDTH))
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if edge is not None:
        label += f", {edge_text(*edge)} at the edge"
    figure.suptitle("Trials of the search by knob")
    figure.supylabel(textwrap.fill(label, PANEL_WIDTH * rows))
    return figure


def _axis(name, values, is_wide=False, edge=None):
    """The `_Axis` of a knob, logarithmic if it is wide, or of the score."""
    given = [value for value in values if value is not None]
    title = _shown(name, NAME_WIDTH) + ("\n(log)" if is_wide else "")
    if isinstance(given[0], str):
        kinds = sorted(set(given))
        steps = np.linspace(0, 1, len(kinds)) if len(kinds) > 1 else [0.5]
        places = dict(zip(kinds, map(float, steps), strict=True))
        texts = [(p, _shown(k, KIND_WIDTH)) for k, p in places.items()]
        return _Axis(title, places.get, texts)
    low, high = min(given), max(given)
    measure = math.log if is_wide else float
    width = (measure(high) - measure(low)) or 1.0
    middle = math.sqrt(low * high) if is_wide else (low + high) / 2
    ticks = [low, middle, high] if high > low else [low]

    def place(value):
        if high == low:
            return 0.5
        return (measure(value) - measure(low)) / width

    texts = dict(zip(ticks, _distinct(ticks), strict=True))
    if edge is not None:
        texts[edge[1]] = edge_text(*edge)
    return _Axis(title, place, [(place(v), text) for v, text in texts.items()])


def _distinct(numbers):
    """Texts of numbers, with as many digits as tell them apart."""
    for digits in range(3, 17):
        texts = [f"{number:.{digits}g}" for number in numbers]
        if len(set(texts)) == len(numbers):
            break
    return texts


def _shown(name, width):
    """A name for people, in lines of so many letters."""
    words = name.replace("_", " ").replace(".", ": ")
    return textwrap.fill(words, width)


def _draw_axis(axes, x, one):
    axes.plot([x, x], [0, 1], color="0.2", lw=1)
    axes.text(x, 1.04, one.name, ha="center", va="bottom", size=9)
    for place, text in one.ticks:
        axes.text(
            x - 0.04,
            place,
            text,
            ha="right",
            va="center",
            size=8,
            # Lines of trials pass behind it, out of sight.
            bbox={"fc": "white", "ec": "none", "pad": 0.5},
        )


def _across(axes, values, is_wide):
    """Positions of values on a panel; sets up its horizontal axis."""
    if not isinstance(values[0], str):
        if is_wide:
            room = max((max(values) / min(values)) ** 0.06, 1.05)
            low, high = min(values) / room, max(values) * room
            make_logarithmic(axes.xaxis, low, high, most=4)
        else:
            axes.locator_params("x", nbins=4)
        return values
    kinds = sorted(set(values))
    if len(kinds) <= SIDE_BY_SIDE:
        names = [_shown(kind, NAME_WIDTH) for kind in kinds]
        axes.set_xticks(range(len(kinds)), names, size=8)
    else:
        names = [
            textwrap.shorten(_shown(k, 999), UPRIGHT_WIDTH, placeholder=" …")
            for k in kinds
        ]
        axes.set_xticks(range(len(kinds)), names, size=8, rotation=90)
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    return [kinds.index(value) for value in values]


def _colors(scores):
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = float(scores.min()), float(scores.max())
    if high == low:
        low, high = low - 0.5, high + 0.5
    return ScalarMappable(Normalize(low, high), COLOR_MAP)
