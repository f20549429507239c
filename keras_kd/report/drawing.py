"""Parts that all pictures share: figures, legends, logarithmic axes."""

import textwrap

import numpy as np

# Inches of a line of text at matplotlib's sizes "medium" and "small".
LINE = 0.21
SMALL_LINE = 0.15
# Letters of a line that is as wide as a figure of 6.4 inches, and as half.
_WIDE_TEXT = 64
_HALF_TEXT = 28
# Steps within a decade, from the finest.
_LADDERS = ((1, 2, 5), (1, 3), (1,))


def new_figure(width, height):
    """A matplotlib `Figure` without `pyplot`, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def legend_below(figure, axes):
    """Puts a legend below all axes, where it covers no point.

    The figure grows by the legend's height. Long names are folded.

    Args:
        figure: The `Figure`, 6.4 inches wide.
        axes: The axes whose labels it lists.
    """
    handles, names = axes.get_legend_handles_labels()
    # Of points with a spread, the point alone.
    handles = [one[0] if isinstance(one, tuple) else one for one in handles]
    is_narrow = max(map(len, names)) <= _HALF_TEXT
    columns = 2 if is_narrow and len(names) > 1 else 1
    names = [textwrap.fill(name, _WIDE_TEXT) for name in names]
    lines = sum(name.count("\n") + 1 for name in names)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + LINE * -(-lines // columns) + 0.2)
    figure.legend(handles, names, loc="outside lower center", ncols=columns)


def make_logarithmic(axis, low, high, most=5, text="{:g}".format):
    """Gives an axis a logarithmic scale and round numbers that fit it.

    Args:
        axis: The axis.
        low: Its lower end, above 0.
        high: Its upper end.
        most: Most numbers that stand there. Defaults to `5`.
        text: Writes a number. Defaults to the shortest form.
    """
    from matplotlib.ticker import FixedLocator
    from matplotlib.ticker import NullLocator

    axis.axes.set(xscale="log", xlim=(low, high))
    ticks = round_numbers(low, high, most)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_ticklabels([text(tick) for tick in ticks])


def round_numbers(low, high, most):
    """Round numbers between two ends, far apart on a logarithmic axis.

    Args:
        low: The lower end, above 0.
        high: The upper end.
        most: Most numbers, at least 2.

    Returns:
        A list, of steps of equal difference where the ends are within a factor
        of about 3, else of steps within decades, or of decades.
    """
    from matplotlib.ticker import MaxNLocator

    first, last = np.floor(np.log10(low)), np.ceil(np.log10(high))
    decades = 10.0 ** np.arange(first, last + 1)
    for ladder in _LADDERS:
        found = [d * step for d in decades for step in ladder]
        found = [value for value in found if low <= value <= high]
        if len(found) <= most:
            break
    if len(found) > most:
        return found[:: -(-len(found) // most)]
    if len(found) > 2:
        return found
    even = MaxNLocator(most - 1).tick_values(low, high)
    return [float(value) for value in even if low <= value <= high]
