"""Makes links between files of the repository links between pages."""

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]

LINK = re.compile(r"\[([^\]\[]*(?:\[[^\]\[]*\][^\]\[]*)*)\]\(\s*([^)\s]+)\s*\)")
NAME = re.compile(r"(?<!\[)`(?:keras_kd\.)?([a-z]\w*(?:\.\w+)+)(\([^`\n]*\))?`")
HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def anchor(title):
    """The anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def linked(text, source, page, places):
    """A text whose links between files are links between pages.

    Args:
        text: Of Markdown.
        source: The file of the repository where its links begin.
        page: The page where it stands.
        places: Pages, by the files and folders that they stand for.

    Returns:
        The text. Of a link to a file that is on no page its words are left.

    Raises:
        ValueError: If a link names nothing that exists.
    """

    def replaced(match):
        words, target = match.groups()
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            return match[0]
        folder = os.path.dirname(source)
        path = os.path.normpath(os.path.join(folder, path)) if path else source
        if f"{path}#{anchor}" in places:
            path, anchor = places[f"{path}#{anchor}"], ""
        elif path in places:
            path = places[path]
        elif path.startswith("docs/figures/") and (ROOT / path).exists():
            path = path.removeprefix("docs/")
        elif path.endswith(".ipynb"):
            pass
        elif (ROOT / path).exists():
            return words
        else:
            raise ValueError(
                f"A link must name a file. Received: {target}, in {source}."
            )
        path = os.path.relpath(path, os.path.dirname(page) or ".")
        return f"[{words}]({path}{'#' * bool(anchor)}{anchor})"

    parts = FENCED.split(text)
    parts[::2] = [LINK.sub(replaced, part) for part in parts[::2]]
    return "".join(parts)


def referenced(text, page, reference):
    """A text whose names of ours are links to the reference.

    Args:
        text: Of Markdown.
        page: The page where it stands.
        reference: Page and anchor by name, as of `"losses.Hint"`.

    Returns:
        The text. Code and headings stay as they are.
    """

    def replaced(match):
        if match[1] not in reference:
            return match[0]
        folder = os.path.dirname(page) or "."
        path = os.path.relpath(reference[match[1]], folder)
        return f"[{match[0]}]({path})"

    parts = FENCED.split(text)
    for index in range(0, len(parts), 2):
        headings = HEADING.findall(parts[index])
        between = HEADING.split(parts[index])
        between = [NAME.sub(replaced, part) for part in between]
        pairs = zip(between, [*headings, ""], strict=True)
        parts[index] = "".join(part for pair in pairs for part in pair)
    return "".join(parts)
