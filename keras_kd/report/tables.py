"""Results as text: tables, and times."""

import math
from collections.abc import Sequence

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_list

WIDTH = 80


def text_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int = WIDTH
) -> str:
    """Lays out a table for a terminal.

    The first column is left-aligned, the others right. What does not fit
    `width` goes into a second table below, with the first column repeated.

    Args:
        header: Titles of the columns.
        rows: Cells as text, as many in each row as in `header`.
        width: Columns of the terminal. Defaults to `80`.

    Returns:
        Lines without a line break at the end.

    Raises:
        TypeError: If a cell is no text.
        ValueError: If a row has another number of cells than `header`.

    Example:

    >>> print(keras_kd.report.text_table(
    ...     ["", "accuracy"], [["teacher", "98.6"], ["student", "91.0"]]))
             accuracy
    -------  --------
    teacher      98.6
    student      91.0
    """
    check_count("width", width, "columns of a terminal")
    columns = _columns(header, rows)
    first, *others = columns
    lines = []
    while True:
        fitting = _fitting(first, others, width)
        lines += _lay_out([first, *others[:fitting]], width)
        others = others[fitting:]
        if not others:
            return "\n".join(lines)
        lines.append("")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Writes a table in GitHub's Markdown, numbers right-aligned.

    Args:
        header: Titles of the columns.
        rows: Cells as text, as many in each row as in `header`.

    Returns:
        Lines without a line break at the end.

    Raises:
        TypeError: If a cell is no text.
        ValueError: If a row has another number of cells than `header`.

    Example:

    >>> print(keras_kd.report.markdown_table(["", "errors"], [["MLP", "74"]]))
    |  | errors |
    |:--|--:|
    | MLP | 74 |
    """
    _columns(header, rows)
    rule = ["|:--", *("|--:" for _ in header[1:]), "|"]
    lines = [_markdown_row(header), "".join(rule)]
    return "\n".join([*lines, *map(_markdown_row, rows)])


def _markdown_row(cells):
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _columns(header, rows):
    rows = check_list("rows", rows, "rows of cells")
    for name, row in (("header", header), *(("rows", row) for row in rows)):
        for cell in check_list(name, row, "cells"):
            if not isinstance(cell, str):
                raise TypeError(
                    f"`{name}` must have cells of text, since nothing else "
                    "says how many digits to show. Received: "
                    f'{cell!r} in {list(row)}. Write f"{{value:.1f}}".'
                )
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                "`rows` must have as many cells as `header`. Received: "
                f"{len(row)} cells in {list(row)}, {len(header)} titles."
            )
    return list(zip(header, *rows, strict=True))


def _widths(columns):
    return [max(map(len, column)) for column in columns]


def _fitting(first, others, width):
    """Counts the columns that fit beside the first, at least one."""
    count = len(others)
    while count > 1 and sum(_widths([first, *others[:count]])) + count > width:
        count -= 1
    return count


def _lay_out(columns, width):
    widths = _widths(columns)
    roomy = sum(widths) + 2 * (len(widths) - 1) <= width
    gap = "  " if roomy else " "
    header, *rows = zip(*columns, strict=True)
    rule = gap.join("-" * size for size in widths)
    return [
        _line(header, widths, gap),
        rule,
        *(_line(row, widths, gap) for row in rows),
    ]


def _line(cells, widths, gap):
    first = cells[0].ljust(widths[0])
    others = [c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)]
    return gap.join([first, *others]).rstrip()


def duration(seconds):
    """A time in seconds, minutes or hours, rounded up but for hours."""
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    if seconds < 100 * 60:
        return f"{math.ceil(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
