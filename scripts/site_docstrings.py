"""Writes docstrings of the house as the site's reader of them expects.

An extension of Griffe, which zensical.toml names.
"""

import functools
import pathlib
import re
import sys
import textwrap

import griffe

# The site's reader loads this file alone.
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import site_api  # noqa: E402

# The last section, whose code stands at the margin.
EXAMPLE = re.compile(r"^Example:\n+(?=\S)(.+)", re.MULTILINE | re.DOTALL)
# Of a class: what a call of its objects returns, which has no type.
RETURNS = re.compile(r"^Returns:\n((?:(?: {4}.*)?(?:\n|\Z))+)", re.MULTILINE)
CALL = re.compile(r"^Call arguments:$", re.MULTILINE)
# A reader is sent to another entry of the reference.
SEE = re.compile(r"\b([Ss]ee) `(?:\w+\.)?(\w+)`")
PACKAGE = pathlib.Path(__file__).parents[1] / "keras_kd"


@functools.cache
def entries():
    """Link to each public name from another page of the reference.

    By its last part, which is that of no other.
    """
    reference = site_api.reference(site_api.pages(PACKAGE))
    return {
        name.split(".")[-1]: place.removeprefix("api/")
        for name, place in reference.items()
    }


def linked(text, found):
    """A docstring in which "See `name`" is a link.

    Args:
        text: The docstring.
        found: Links by name.
    """

    def replaced(match):
        see, name = match.groups()
        if name not in found:
            return match[0]
        code = match[0].removeprefix(f"{see} ")
        return f"{see} [{code}]({found[name]})"

    return SEE.sub(replaced, text)


def rewritten(text, of_class=False):
    """A docstring with its example and call arguments as sections of Google.

    Args:
        text: The docstring, without indentation.
        of_class: Whether it is that of a class. Defaults to `False`.
    """

    def indented(match):
        return "Examples:\n" + re.sub("^(?=.)", "    ", match[1], flags=re.M)

    def plain(match):
        return "**Returns:** " + textwrap.dedent(match[1])

    if of_class:
        text = RETURNS.sub(plain, text)
    text = EXAMPLE.sub(indented, text)
    return CALL.sub("Other parameters: Call arguments:", text)


class HouseDocstrings(griffe.Extension):
    """Rewrites each docstring when its object has been read."""

    def on_object(self, *, obj, **kwargs):
        """Rewrites the docstring of one object."""
        if obj.docstring:
            text = rewritten(obj.docstring.value, of_class=obj.is_class)
            obj.docstring.value = linked(text, entries())
