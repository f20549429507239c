"""Knobs of a search: ranges and choices, each with its reason."""

import dataclasses
import difflib
import math
import numbers
from collections.abc import Mapping
from typing import Any

import keras_tuner
import numpy as np

from keras_kd._core.arguments import as_float
from keras_kd._core.kinds import check_list

LOG = "log"
LINEAR = "linear"


@dataclasses.dataclass(frozen=True)
class Range:
    """A number between two ends.

    Args:
        low: The lower end.
        high: The upper end, above `low`.
        default: What is tried when nothing is known. Defaults to the middle of
            the range.
        sampling: `"linear"`, or `"log"` where a factor counts and not a
            difference. Defaults to `"linear"`.
        reason: Why these ends, and where they come from.

    Raises:
        ValueError: If the range is empty, does not have the default, or is
            not above 0 with `sampling="log"`.

    Example:

    >>> keras_kd.search.Range(2.0, 8.0).default
    5.0
    """

    low: float
    high: float
    default: float | None = None
    sampling: str = LINEAR
    reason: str = ""

    def __post_init__(self) -> None:
        if self.sampling not in (LINEAR, LOG):
            raise ValueError(
                f'`sampling` must be "{LINEAR}" or "{LOG}". Received: sampling='
                f"{self.sampling!r}."
            )
        ends = [as_float(self.low), as_float(self.high)]
        if not -math.inf < ends[0] < ends[1] < math.inf:
            raise ValueError(
                "`low` must be below `high`, both finite, or there is nothing "
                f"to search. Received: low={self.low!r}, high={self.high!r}. "
                "To fix a knob, give its value instead of a range."
            )
        if self.sampling == LOG and self.low <= 0:
            raise ValueError(
                '`low` must be above 0 with `sampling="log"`. Received: low='
                f"{self.low}."
            )
        if self.default is None:
            object.__setattr__(self, "default", self._middle())
        if not self.low <= as_float(self.default) <= self.high:
            raise ValueError(
                "`default` must be within the range. Received: default="
                f"{self.default!r}, low={self.low}, high={self.high}."
            )

    def _middle(self):
        if self.sampling == LOG:
            return math.sqrt(self.low) * math.sqrt(self.high)
        return self.low / 2 + self.high / 2

    def choose(self, hp: keras_tuner.HyperParameters, name: str) -> float:
        """The value of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`, to which the knob is added.
            name: Its name there.
        """
        return hp.Float(
            name,
            min_value=self.low,
            max_value=self.high,
            default=self.default,
            sampling=self.sampling,
        )

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} ({self.sampling})"


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several values.

    Args:
        values: At least one number, or one string.
        default: One of them. Defaults to the first.
        reason: Why these.

    Raises:
        ValueError: If there is none, one comes twice, or `default` is none of
            them.
        TypeError: If they are not all numbers or all strings.

    Example:

    >>> keras_kd.search.Choice(("adam", "sgd")).default
    'adam'
    """

    values: tuple[Any, ...]
    default: float | str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        # Plain numbers, also where they are NumPy's.
        values = tuple(
            value.item() if isinstance(value, np.generic) else value
            for value in check_list(
                "values", self.values, "values; to fix a knob, give its value"
            )
        )
        object.__setattr__(self, "values", values)
        is_text = [isinstance(value, str) for value in values]
        is_number = [isinstance(value, numbers.Real) for value in values]
        if not (all(is_text) or all(is_number)):
            raise TypeError(
                "`values` must be all numbers or all strings. Received: "
                f"values={values}."
            )
        if not values or len(set(values)) < len(values):
            raise ValueError(
                "`values` must be one or more different values, or there is "
                f"nothing to search. Received: values={values}."
            )
        if any(isinstance(value, float) for value in values):
            # keras-tuner takes no mixture of whole and other numbers.
            values = tuple(float(value) for value in values)
            object.__setattr__(self, "values", values)
        if self.default is None:
            object.__setattr__(self, "default", values[0])
        if self.default not in values:
            raise ValueError(
                "`default` must be one of the values. Received: default="
                f"{self.default!r}, values={values}."
            )

    def choose(self, hp: keras_tuner.HyperParameters, name: str) -> Any:
        """The value of a trial.

        Args:
            hp: `keras_tuner.HyperParameters`, to which the knob is added.
            name: Its name there.
        """
        return hp.Choice(name, list(self.values), default=self.default)

    def __str__(self) -> str:
        return ", ".join(str(value) for value in self.values)


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_searched(knob):
    """Whether a knob is a `Range` or a `Choice`, and not a fixed value."""
    return isinstance(knob, Range | Choice)


def options(knob):
    """The values of a `Choice`, or the one fixed value."""
    return knob.values if isinstance(knob, Choice) else (knob,)


def choose(knob, hp, name):
    """The value of a knob in a trial, whether it is fixed or searched."""
    return knob.choose(hp, name) if is_searched(knob) else knob


def replaced(knobs, changes, allowed):
    """Knobs with some of them fixed, narrowed or widened.

    Args:
        knobs: Dict from names to `Range`, `Choice` or a fixed value.
        changes: `None`, or a mapping of the same kind.
        allowed: Dict from names of knobs with strings to what they may be.

    Returns:
        A new dict, in the order of `knobs`.

    Raises:
        TypeError: If `changes` is no mapping, or a value is of no such type.
        ValueError: If a name is not among `knobs`, or a value is not allowed.
    """
    changes = {} if changes is None else changes
    if not isinstance(changes, Mapping):
        raise TypeError(
            "`knobs` must be a dict from names to a value, a `Range` or a "
            f"`Choice`. Received: knobs={changes!r}."
        )
    for name, knob in changes.items():
        _check_name(name, knobs)
        if knob != knobs[name]:
            _check_values(name, knob, allowed.get(name))
    return dict(knobs) | dict(changes)


def _check_name(name, knobs):
    if name in knobs:
        return
    near = difflib.get_close_matches(str(name), knobs, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(
        "`knobs` must name what this search can turn. Received: "
        f"{name!r}, which no loss and no optimizer here has. {hint}There are: "
        f"{', '.join(knobs)}."
    )


def _check_values(name, knob, allowed):
    """Validates that a trial can use all values of a knob.

    Args:
        name: Name of the knob.
        knob: A `Range`, a `Choice` or a fixed value.
        allowed: The strings that it may be, or `None` for a number.
    """
    is_range = isinstance(knob, Range)
    ends = (knob.low, knob.high) if is_range else options(knob)
    if allowed is not None:
        if any(end not in allowed for end in ends):
            raise ValueError(
                f"`{name}` must be among {', '.join(map(repr, allowed))}. "
                f"Received: {name}={knob!r}."
            )
        return
    for end in ends:
        if not (_is_number(end) and 0 <= end < math.inf):
            raise ValueError(
                f"`{name}` must be a number of at least 0, a `Range` or a "
                f"`Choice` of such. Received: {name}={knob!r}."
            )
