"""Accuracy against cost: tables and pictures of a search with limits."""

from keras_kd import report
from keras_kd import search
from keras_kd.cli._search.students import WIDTH
from keras_kd.cli._search.students import limited
from keras_kd.cli._shell.terminal import fold
from keras_kd.search.limits import BYTES
from keras_kd.search.limits import COSTS
from keras_kd.search.limits import MILLISECONDS
from keras_kd.search.limits import PARAMETERS

PLOTS = {cost: f"accuracy_against_{cost}.png" for cost in COSTS}
LABEL = "validation accuracy (%)"
# KB and milliseconds as `keras-kd distill` shows them.
HEADER = ("rank", "val. %", "params", "KB", "ms", "method")
NOTE = (
    "No other trial is as good at this cost or less. KB: saved, without "
    "optimizer. ms: median of compiled calls with one image, on this machine, "
    "timed once for each architecture. Each accuracy is the best of several "
    "trials: neighbours may change places with other seeds."
)


def header(found):
    """Titles of the columns of a table."""
    return [*HEADER, *([WIDTH] if WIDTH in found.hypermodel.knobs else [])]


def rows(found, cost):
    """Cells of the table of the best trials at each cost, the cheapest first.

    Args:
        found: A `Found`.
        cost: One of `COSTS`.
    """
    return [
        (
            str(1 + found.results.index(one)),
            f"{100 * one.score:.1f}",
            f"{one.costs[PARAMETERS]:,}",
            f"{one.costs[BYTES] / 1024:,.0f}",
            f"{one.costs[MILLISECONDS]:.2f}",
            found.chosen[found.results.index(one)].method,
            *width_of(found, one),
        )
        for one in search.pareto_front(found.results, cost, direction="max")
    ]


def width_of(found, one):
    """Cells with the width of a trial: one, or none where it is fixed."""
    knobs = found.hypermodel.knobs
    return (str(one.knobs.get(WIDTH, knobs[WIDTH])),) if WIDTH in knobs else ()


def terminal(found):
    """The tables for a terminal: a list of lines."""
    lines = []
    for cost in limited(found.settings):
        table = report.text_table(header(found), rows(found, cost))
        lines += [f"The best students by {cost}:", "", table, ""]
    return [*lines, fold(NOTE), *_over(found), ""] if lines else []


def write(found, files):
    """Writes the pictures; returns their names.

    Args:
        found: A `Found`.
        files: The `OutputFiles` of the folder.
    """
    names = names_of(found)
    for name, cost in zip(names, limited(found.settings), strict=True):
        figure = report.score_against_cost(
            found.results, cost, LABEL, 100, direction="max"
        )
        with files.written(name) as partial:
            figure.savefig(partial, format="png")
    return names


def names_of(found):
    """Names of the pictures of a search."""
    return [PLOTS[cost] for cost in limited(found.settings)]


def markdown(found):
    """The sections of the report: a list."""
    sections = []
    for cost in limited(found.settings):
        table = report.markdown_table(header(found), rows(found, cost))
        title = f"Accuracy against {cost}"
        sections += [f"## {title}", table, f"![{title}]({PLOTS[cost]})"]
    return [*sections, NOTE, *_over(found)] if sections else []


def _over(found):
    count = sum(one.is_over for one in found.results)
    if not count:
        return []
    what = "trial was" if count == 1 else "trials were"
    return [fold(f"{count} {what} over a limit, and not trained.")]
