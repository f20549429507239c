"""Writes docstrings of the house as the site's reader of them expects.

An extension of Griffe, which zensical.toml names.
"""

import re
import textwrap

import griffe

# The last section, whose code stands at the margin.
EXAMPLE = re.compile(r"^Example:\n+(?=\S)(.+)", re.MULTILINE | re.DOTALL)
# Of a class: what a call of its objects returns, which has no type.
RETURNS = re.compile(r"^Returns:\n((?:(?: {4}.*)?(?:\n|\Z))+)", re.MULTILINE)
CALL = re.compile(r"^Call arguments:$", re.MULTILINE)


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
            obj.docstring.value = rewritten(
                obj.docstring.value, of_class=obj.is_class
            )
