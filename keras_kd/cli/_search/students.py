"""Students of a search: one, or with limits several of the built-in kind."""

import dataclasses
import functools
import math

from keras_kd import search
from keras_kd._core import model_weights
from keras_kd.cli._bench.prepare import STUDENT_WIDTHS
from keras_kd.cli._search.settings import LIMITS
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.models import small_convnet
from keras_kd.search import limits as of_limits

WIDTH = "width"
# Channels of the first stage. The teacher that is trained by default has 32.
WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32)


def limits_of(settings):
    """The `search.Limits` of a search, or `None`.

    Where there is one, all costs are measured, for the table.

    Args:
        settings: A `SearchSettings`.
    """
    given = {name: getattr(settings, name) for name in LIMITS}
    if set(given.values()) == {None}:
        return None
    return search.Limits(
        **{k: math.inf if v is None else v for k, v in given.items()}
    )


def limited(settings):
    """Names of the costs that have a limit, such as `"parameters"`."""
    return [
        name.removeprefix("max_")
        for name in LIMITS
        if getattr(settings, name) is not None
    ]


def described(settings):
    """Says what a student may cost, in a sentence."""
    limits = limits_of(settings)
    most = [
        of_limits.text(c, of_limits.limit(limits, c)) for c in limited(settings)
    ]
    return f"Students of at most {', '.join(most)}."


def widths(bench, settings):
    """Widths that are tried; none where the student is fixed.

    Those whose parameters and bytes are over a limit are left out: no trial
    need show it. The time is measured in the trials.

    Args:
        bench: A `Bench`.
        settings: A `SearchSettings`.

    Raises:
        UnusableError: If no student is within the limits.
    """
    limits = limits_of(settings)
    if limits is None:
        return ()
    limits = dataclasses.replace(limits, max_milliseconds=None)
    if settings.student is not None:
        costs = of_limits.measure(bench.student, limits)
        _check_within(limits, costs, f"--student={settings.student}")
        return ()
    shape = tuple(bench.data.image_shape)
    all_costs = {w: _costs(shape, bench.num_classes, w) for w in WIDTHS}
    _check_within(limits, all_costs[WIDTHS[0]], "the smallest student")
    return tuple(
        w for w, costs in all_costs.items() if not of_limits.over(limits, costs)
    )


def _check_within(limits, costs, whose):
    over = [
        c for c, value in costs.items() if value > of_limits.limit(limits, c)
    ]
    if over:
        given = [
            f"--max_{cost}={of_limits.limit(limits, cost):.10g}"
            for cost in over
        ]
        found = " and ".join(of_limits.text(c, costs[c]) for c in over)
        raise UnusableError(
            f"`--max_{over[0]}` must leave a student to train. Received: "
            f"{' '.join(given)}, and {whose} with {found}. Raise it, or give "
            "a smaller --student."
        )


@functools.cache
def _costs(image_shape, num_classes, width):
    student = _built_in(image_shape, num_classes, width)
    limits = search.Limits(max_bytes=math.inf)
    return of_limits.measure(student, limits)


def _built_in(image_shape, num_classes, width):
    scaled = [width * w // STUDENT_WIDTHS[0] for w in STUDENT_WIDTHS]
    return small_convnet(image_shape, num_classes, scaled, "student")


def new_student(bench, width=None):
    """A student with new weights.

    Args:
        bench: A `Bench`.
        width: One of `WIDTHS`, or `None`, the default: the bench's student.
    """
    if width is None:
        return model_weights.fresh_copy(bench.student)
    return _built_in(tuple(bench.data.image_shape), bench.num_classes, width)


def knob(widths):
    """The knob of some widths, or the only one.

    Args:
        widths: At least one of `WIDTHS`.
    """
    if len(widths) == 1:
        return widths[0]
    usual = [width for width in widths if width <= STUDENT_WIDTHS[0]]
    return search.Choice(
        widths,
        default=max(usual, default=widths[0]),
        reason="channels of the student's first stage, of the second twice "
        f"as many; {STUDENT_WIDTHS[0]} by default",
    )
