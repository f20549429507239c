"""Pictures of a comparison. Each function returns a matplotlib `Figure`.

Call `figure.savefig("name.png")` to keep one. They are made without `pyplot`,
so they need no display and change no setting of the caller's own plots.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_kd.report.calibration import Reliability

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Distinct with any colour vision (Okabe and Ito), and by shape when printed.
COLORS = ("#000000", "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("*", "o", "s", "D", "^", "v")
LINES = ("-", "--", "-.", ":")
SMALLEST_BIN = 0.02
# Models of one size stand side by side.
STEP_ASIDE = 1.08


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
    figure, axes = _figure()
    for index, (name, seeds) in enumerate(curves.items(), start=1):
        values = 100 * np.asarray(seeds, "float64")
        epochs = np.arange(1, values.shape[1] + 1)
        style = {"color": _pick(COLORS, index)}
        axes.plot(
            epochs,
            values.mean(axis=0),
            label=f"{name} ({len(values)} seeds)",
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
    axes.legend(loc="lower right")
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
    sizes = []
    for index, (name, (parameters, accuracies)) in enumerate(points.items()):
        sizes.append(parameters)
        values = 100 * np.asarray(accuracies, "float64")
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        axes.errorbar(
            parameters * STEP_ASIDE ** (sizes.count(parameters) - 1),
            values.mean(),
            yerr=spread or None,
            label=f"{name}: {values.mean():.1f} %",
            color=_pick(COLORS, index),
            marker=_pick(MARKERS, index),
            markersize=9,
            capsize=4,
            linestyle="none",
        )
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.15)
    axes.set(
        title="Accuracy against size: mean and standard deviation",
        xlabel="parameters (logarithmic)",
        ylabel=f"{ylabel} (%)",
    )
    axes.legend(loc="best")
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
    figure = _new_figure(6.4, 6.4)
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
    # Beside the axes: curves may be anywhere in them.
    figure.legend(
        *upper.get_legend_handles_labels(), loc="outside lower center"
    )
    return figure


def _figure():
    figure = _new_figure(6.4, 4.4)
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    return figure, axes


def _new_figure(width, height):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def _pick(choices, index):
    return choices[index % len(choices)]
