"""Wrong uses of the API: what a row is, and short ways to write some.

The rows themselves stand in `misuse_rows_*.py`, a file for each room.
"""

import atexit
import dataclasses
import functools
import tempfile
from collections.abc import Callable

import keras
import numpy as np

from tests import support
from tests.conformance import count_calls

NOT_RUN = object()


@dataclasses.dataclass(frozen=True)
class Row:
    """A wrong use and its answer.

    Attributes:
        of: What is misused, such as `"losses.Hint"`.
        wrong: What is wrong, unique among the rows of `of`.
        call: Misuses it; takes nothing.
        argument: What the message names.
        received: What the message says was received.
        remedy: Follows the message; takes nothing. `None` if it is not run.
    """

    of: str
    wrong: str
    call: Callable
    argument: str
    received: str
    remedy: Callable | None = None

    @property
    def name(self):
        return f"{self.of}: {self.wrong}"


def wrong(of, call, argument, *values, shown=None, remedy=NOT_RUN):
    """Rows of one argument with several wrong values.

    Args:
        of: See `Row`.
        call: Takes the argument by name, and has all others.
        argument: Its name.
        *values: Wrong values.
        shown: What the message shows of each. Defaults to its `repr`.
        remedy: A value that the message proposes. It is tried once.
    """
    rows = []
    for value in values:
        cure = None
        if remedy is not NOT_RUN and not rows:
            cure = functools.partial(call, **{argument: remedy})
        rows.append(
            Row(
                of,
                f"{argument}={brief(value)}",
                functools.partial(call, **{argument: value}),
                argument,
                repr(value) if shown is None else shown,
                cure,
            )
        )
    return rows


def brief(value):
    """A value in the name of a row."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape} {value.dtype}"
    if isinstance(value, tuple) and any(hasattr(v, "shape") for v in value):
        return f"({', '.join(map(brief, value))})"
    return repr(value)[:60]


def flags(of, call, *arguments):
    """Rows of arguments that are True or False: text would count as true."""
    return [
        row
        for argument in arguments
        for row in wrong(of, call, argument, "no", remedy=False)
    ]


def parts(of, call, argument, *values, remedy=0.5):
    """Rows of an argument between 0 and 1."""
    values = (*values, -0.1, 1.5, float("nan"), "half", None)
    return wrong(of, call, argument, *values, remedy=remedy)


@functools.cache
def folder():
    """Path of a folder that is removed at the end."""
    made = tempfile.TemporaryDirectory()
    atexit.register(made.cleanup)
    return made.name


@functools.cache
def teacher():
    """A model that no row changes."""
    return count_calls.teacher()


@functools.cache
def student():
    return support.dense(4, name="small")


@functools.cache
def unbuilt():
    return keras.Sequential([keras.layers.Dense(3)], name="unbuilt")


@functools.cache
def soft():
    """A classifier that ends in a softmax."""
    return support.dense(4, name="soft", activation="softmax")
