"""Pictures of a comparison. Each function returns a matplotlib `Figure`.

Call `figure.savefig("name.png")` to keep one. They are made without `pyplot`,
so they need no display and change no setting of the caller's own plots.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_kd._core.arguments import check_part
from keras_kd._core.arguments import check_positive
from keras_kd._core.kinds import as_array
from keras_kd._core.kinds import check_pair
from keras_kd.report.calibration import Reliability
from keras_kd.report.drawing import legend_below
from keras_kd.report.drawing import make_logarithmic
from keras_kd.report.drawing import new_figure
from keras_kd.report.intervals import Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Distinct with any colour vision (Okabe and Ito), and by shape when printed.
COLORS = ("#000000", "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7")
# One more than colours, so that the seventh model differs from the first.
MARKERS = ("*", "o", "s", "D", "^", "v", "P")
LINES = ("-", "--", "-.", ":")
# Of gains: neither side of zero, above it, below it.
SIDES = ("#777777", "#0072B2", "#D55E00")
SMALLEST_BIN = 0.02
# How far the narrowest range of sizes reaches beyond its middle.
ROOM = 1.5
WIDEST_CAP = 7


def learning_curves(
    curves: Mapping[str, Sequence[Sequence[float]]],
    teacher_accuracy: float | None = None,
    ylabel: str = "validation accuracy",
) -> "Figure":
    """Draws accuracy by epoch: the mean of the seeds in a band of all.

    Args:
        curves: For each way of training, one curve per seed, of equal length.
        teacher_accuracy: Drawn as a level line where given.
        ylabel: What is drawn. Defaults to `"validation accuracy"`.

    Returns:
        A matplotlib `Figure`.
    """
    _check_dict("curves", curves, "the curves of its seeds")
    if teacher_accuracy is not None:
        check_part("teacher_accuracy", teacher_accuracy, "a part", True, True)
    figure, axes = _figure()
    for index, (name, seeds) in enumerate(curves.items(), start=1):
        values = 100 * as_array(f"curves[{name!r}]", seeds, "a curve per seed")
        if values.ndim != 2 or not values.size:
            raise ValueError(
                "`curves` must have curves of equal length, (seeds, epochs), "
                "since their mean is drawn. Received: curves of shape "
                f"{values.shape} for {name!r}. Write one curve as `[curve]`."
            )
        epochs = np.arange(1, values.shape[1] + 1)
        style = {"color": _pick(COLORS, index)}
        axes.plot(
            epochs,
            values.mean(axis=0),
            label=f"{name} ({_seeds(len(values))})",
            linestyle=_pick(LINES, index - 1),
            marker=_pick(MARKERS, index) if len(epochs) < 30 else None,
            markersize=4,
            **style,
        )
        low, high = values.min(axis=0), values.max(axis=0)
        axes.fill_between(epochs, low, high, alpha=0.15, linewidth=0, **style)
    if teacher_accuracy is not None:
        axes.axhline(
            100 * teacher_accuracy, color=COLORS[0], lw=1, label="teacher"
        )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(
        title="Learning curves: mean and range of the seeds",
        xlabel="epoch",
        ylabel=f"{ylabel} (%)",
    )
    legend_below(figure, axes)
    return figure


def accuracy_against_parameters(
    points: Mapping[str, tuple[int, Sequence[float]]],
    ylabel: str = "test accuracy",
) -> "Figure":
    """Draws the accuracy of each model by its size.

    Args:
        points: For each model, its number of parameters and the accuracies of
            its seeds.
        ylabel: What is drawn. Defaults to `"test accuracy"`.

    Returns:
        A matplotlib `Figure`.
    """
    figure, axes = _figure()
    _check_dict("points", points, "parameters and accuracies")
    sizes = []
    for index, (name, point) in enumerate(points.items()):
        parameters, accuracies = check_pair(
            f"points[{name!r}]", point, "parameters and accuracies"
        )
        check_positive(
            f"points[{name!r}]", parameters, "a number of parameters"
        )
        values = 100 * np.atleast_1d(
            as_array(f"points[{name!r}]", accuracies, "one for each seed")
        )
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        axes.errorbar(
            parameters,
            values.mean(),
            yerr=spread or None,
            label=f"{name}: {values.mean():.1f} %",
            color=_pick(COLORS, index),
            marker=_pick(MARKERS, index),
            # Models of one size may cover each other: one sees through the
            # markers, and the caps of the first reach beyond the next.
            markerfacecolor="none",
            markeredgewidth=1.6,
            markersize=9,
            capsize=max(WIDEST_CAP - 2 * sizes.count(parameters), 1),
            linestyle="none",
        )
        sizes.append(parameters)
    room = max((max(sizes) / min(sizes)) ** 0.25, ROOM)
    make_logarithmic(
        axes.xaxis, min(sizes) / room, max(sizes) * room, text="{:,.0f}".format
    )
    axes.margins(y=0.15)
    axes.set(
        title="Accuracy against size: mean and standard deviation",
        xlabel="parameters (logarithmic)",
        ylabel=f"{ylabel} (%)",
    )
    legend_below(figure, axes)
    return figure


def reliability_diagram(models: Mapping[str, Reliability]) -> "Figure":
    """Draws the accuracy of models by their confidence.

    A curve below the diagonal is that of a model that is surer than right. The
    lower panel shows how many examples stand behind each point; bins with less
    than 2 % of them are left out, since a handful shows nothing.

    Args:
        models: For each model, by what the legend calls it, what `reliability`
            returned.

    Returns:
        A matplotlib `Figure`.
    """
    _check_dict("models", models, "what `reliability` returned")
    for name, bins in models.items():
        if not isinstance(bins, Reliability):
            raise TypeError(
                "`models` must be a dict of what `reliability` returned. "
                f"Received: models[{name!r}] of type {type(bins).__name__}."
            )
    figure = new_figure(6.4, 5.4)
    upper, lower = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1)}
    )
    upper.plot([0, 100], [0, 100], color="0.6", lw=1, label="as sure as right")
    for index, (name, bins) in enumerate(models.items()):
        style = {
            "color": _pick(COLORS, index),
            "marker": _pick(MARKERS, index),
            "linestyle": _pick(LINES, index),
            "markersize": 5,
        }
        shown = bins.fraction >= SMALLEST_BIN
        confidence = 100 * bins.confidence[shown]
        accuracy = 100 * bins.accuracy[shown]
        upper.plot(confidence, accuracy, label=name, **style)
        lower.plot(confidence, 100 * bins.fraction[shown], **style)
    upper.set(
        title="Reliability: bins with at least 2 % of the examples",
        ylabel="accuracy in the bin (%)",
        xlim=(0, 102),
        ylim=(0, 102),
    )
    lower.set(xlabel="mean confidence in the bin (%)", ylabel="examples (%)")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    legend_below(figure, upper)
    return figure


def gain_against_cost(
    points: Mapping[str, tuple[float, Interval]],
    cost: str = "time of a step, times that of the student alone",
) -> "Figure":
    """Draws the gain of each arm, with its interval, by what it costs.

    Each arm has a number of its own. Its colour tells on which side of zero
    the interval is, by the rule of `verdict`.

    Args:
        points: For each arm, its cost and the `Interval` of its gain, as
            `compare_arms` or `rank_arms` gives them.
        cost: What the costs are. Defaults to
            `"time of a step, times that of the student alone"`.

    Returns:
        A matplotlib `Figure`.
    """
    _check_dict("points", points, "a cost and an interval")
    figure, axes = _figure()
    axes.axhline(0, color="0.6", lw=1)
    costs = []
    for number, (name, point) in enumerate(points.items(), start=1):
        value, gain = check_pair(
            f"points[{name!r}]", point, "a cost and an interval"
        )
        check_positive(f"points[{name!r}]", value, "a cost")
        if not isinstance(gain, Interval):
            raise TypeError(
                "`points` must have intervals that `compare_arms` returned. "
                f"Received: points[{name!r}] with {gain!r}."
            )
        color = _pick(SIDES, gain.side)
        # Finite and within what is possible, however few the seeds.
        reach = [[gain.mean - gain.low], [gain.high - gain.mean]]
        axes.errorbar(
            value,
            100 * gain.mean,
            yerr=100 * np.maximum(reach, 0),
            label=f"{name}: {100 * gain.mean:+.1f}",
            color=color,
            marker=f"${number}$",
            markersize=6 * len(str(number)) + 3,
            elinewidth=0.8,
            alpha=0.9,
            linestyle="none",
        )
        costs.append(value)
    room = max((max(costs) / min(costs)) ** 0.1, 1.05)
    make_logarithmic(axes.xaxis, min(costs) / room, max(costs) * room)
    axes.set(
        title="Gain by cost: better (blue), worse (orange), unclear (grey)",
        xlabel=cost,
        ylabel="gain over the baseline (points)",
    )
    legend_below(figure, axes)
    return figure


def _check_dict(argument, value, contents):
    """Validates that an argument is a dict by name that is not empty."""
    if not isinstance(value, Mapping) or not value:
        raise TypeError(
            f"`{argument}` must be a dict from at least one name to "
            f"{contents}, since the legend has the names. Received: "
            f"{argument}={value!r}."
        )


def _figure():
    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    return figure, axes


def _seeds(count):
    return f"{count} seed" + ("" if count == 1 else "s")


def _pick(choices, index):
    return choices[index % len(choices)]
