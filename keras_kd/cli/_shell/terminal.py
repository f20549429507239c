"""Text for a terminal: its signs, its width, its lines at once."""

import codecs
import os
import sys
import textwrap
import unicodedata

WIDTH = 80
_ASCII = "keras_kd.ascii"
_POSIX = ("C", "POSIX")
# Python's own choice where the locale is one of these, not the user's.
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
# What has no letter or sign that looks like it.
_SIGNS = {
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "×": "x",
    "…": "...",
    "–": "-",
    "—": "-",
    "’": "'",
    "“": '"',
    "”": '"',
    # Keras's progress bar.
    "━": "=",
    "ø": "o",
    "ł": "l",
    "ß": "ss",
}


def prepare():
    """Prepares the standard streams: line by line, in signs that are shown."""
    for stream in (sys.stdout, sys.stderr):
        if not hasattr(stream, "reconfigure"):
            continue  # Not a terminal or a file, but what a caller put there.
        stream.reconfigure(line_buffering=True, errors=_ASCII)
        if _is_posix(os.environ):
            stream.reconfigure(encoding="ascii", errors=_ASCII)


def _is_posix(variables):
    """Whether the user has asked for the locale C, which has ASCII only."""
    if variables.get("PYTHONIOENCODING") or variables.get("PYTHONUTF8") == "1":
        return False
    kind = variables.get("LC_CTYPE")
    kind = None if kind in _COERCED else kind
    named = variables.get("LC_ALL") or kind or variables.get("LANG")
    return named in _POSIX


def _replace(error):
    part = error.object[error.start : error.end]
    return "".join(map(_in_ascii, part)), error.end


def _in_ascii(sign):
    if sign in _SIGNS:
        return _SIGNS[sign]
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore")
    return plain.decode() or "?"


codecs.register_error(_ASCII, _replace)


def shown(text):
    """A text in signs that the standard output can show.

    Lay out a text after this, since it may become longer.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, errors=_ASCII).decode(encoding)


def fold(text, indent=0):
    """Breaks a text into lines that fit a terminal.

    Args:
        text: The text.
        indent: Spaces before each line but the first. Defaults to `0`.
    """
    return textwrap.fill(shown(text), WIDTH, subsequent_indent=" " * indent)
