"""Turns a tutorial into a Jupyter notebook and a Markdown page.

    python tutorials/render.py tutorials/01_soft_targets.py --output DIRECTORY

A tutorial is a Python file in the format of keras.io's tutobooks. A line that
begins with three quotes opens or closes a block of text; what stands between
two blocks is a code cell. A tag may follow the opening quotes: `shell` for
commands, `invisible` for what is not shown. The first block is the header.
"""

import argparse
import json
import pathlib
import re

QUOTES = '"""'
HEADER = {
    "Title": r"\S.*",
    "Authors?": r"\S.*",
    "Date created": r"\d{4}/\d\d/\d\d",
    "Last modified": r"\d{4}/\d\d/\d\d",
    # A capital letter, a full stop, at most 100 characters.
    "Description": r"[A-Z].{,98}\.",
}


def parse(text):
    """Splits a tutorial.

    Args:
        text: Content of the file.

    Returns:
        `(header, cells)`: a dict, and a list of `(kind, lines)`, where kind
        is `"code"`, `"text"` or `"shell"`.

    Raises:
        ValueError: If the text is not in the format.
    """
    cells = [("code", [])]
    is_text = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line != line.rstrip():
            _refuse(number, line, "a line without trailing spaces")
        if "arxiv.org/pdf/" in line:
            _refuse(number, line, "a link to the abstract, arxiv.org/abs/")
        if not line.startswith(QUOTES):
            cells[-1][1].append(line)
            continue
        tag = line.removeprefix(QUOTES)
        if tag not in (("",) if is_text else ("", "shell", "invisible")):
            _refuse(number, line, "three quotes, alone or with a tag")
        is_text = not is_text
        cells.append(((tag or "text") if is_text else "code", []))
    if is_text:
        _refuse(number, line, "followed by the end of a text, which is open")
    cells = [
        (kind, "\n".join(lines).strip("\n").split("\n"))
        for kind, lines in cells
        if any(lines)
    ]
    header = _header(*cells[0])
    return header, [cell for cell in cells[1:] if cell[0] != "invisible"]


def _refuse(number, line, rule):
    raise ValueError(f"Line {number} must be {rule}. Received: {line!r}.")


def _header(kind, lines):
    """Reads the fields of the first block, which must be the header."""
    header = {}
    lines = lines if kind == "text" else []
    for index, (name, pattern) in enumerate(HEADER.items()):
        line = lines[index] if index < len(lines) else ""
        match = re.fullmatch(f"({name}): ({pattern})", line)
        if not match:
            raise ValueError(
                f"Line {index + 1} of the header must be `{name}: "
                f"{pattern}`. Received: {line!r}."
            )
        header[match[1]] = match[2]
    return header


def _title(header):
    """The header as it stands on top of a page."""
    fields = dict(header)
    lines = [f"# {fields.pop('Title')}", ""]
    return lines + [f"**{name}:** {fields[name]}<br>" for name in fields]


def markdown(text, figure=None):
    """Returns the tutorial as a Markdown page.

    Args:
        text: Content of the file.
        figure: Path and description of the figure that it saves, shown behind
            that code. Defaults to `None`.
    """
    header, cells = parse(text)
    parts = [_title(header)]
    for kind, lines in cells:
        is_saved = kind == "code" and any(".savefig(" in line for line in lines)
        if kind != "text":
            language = "shell" if kind == "shell" else "python"
            lines = [f"```{language}", *lines, "```"]
        parts.append(lines)
        if figure and is_saved:
            path, description = figure
            parts.append([f"![{description}]({path})"])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def notebook(text):
    """Returns the tutorial as a notebook: a dict to be written as JSON."""
    header, cells = parse(text)
    written = []
    for index, (kind, lines) in enumerate([("text", _title(header)), *cells]):
        if kind == "shell":
            lines = [f"!{line}" for line in lines]
        cell = {
            "cell_type": "markdown" if kind == "text" else "code",
            "id": f"cell-{index}",
            "metadata": {},
            "source": "\n".join(lines).splitlines(keepends=True),
        }
        if kind != "text":
            cell |= {"execution_count": None, "outputs": []}
        written.append(cell)
    return {
        "cells": written,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tutorials", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for path in options.tutorials:
        text = path.read_text()
        target = options.output / path.stem
        target.with_suffix(".md").write_text(markdown(text))
        content = json.dumps(notebook(text), indent=1) + "\n"
        target.with_suffix(".ipynb").write_text(content)


if __name__ == "__main__":
    main()
