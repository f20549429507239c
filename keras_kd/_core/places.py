"""Places in a model that a loss names: one tap, or several."""


def each(tap):
    """The taps at a place, a tuple.

    Args:
        tap: Name of a tap, `None` for the output, or a tuple of these.
    """
    return tap if isinstance(tap, tuple) else (tap,)


def used(losses, argument):
    """All taps that losses name, a list in their order.

    Args:
        losses: Distillation losses.
        argument: `"teacher_tap"` or `"student_tap"`.
    """
    taps = (tap for loss in losses for tap in each(getattr(loss, argument)))
    return list(dict.fromkeys(taps))


def at(tap, found):
    """What was found at a place; of several taps, a tuple.

    Args:
        tap: See `each`.
        found: Dict by tap.
    """
    return map_each(found.__getitem__, tap)


def unlisted(tap, values):
    """Values of each tap as `at` gives them.

    Args:
        tap: See `each`.
        values: A list.
    """
    return tuple(values) if isinstance(tap, tuple) else values[0]


def map_each(function, value):
    """A function of the value at a place; of several taps, of each value.

    Args:
        function: Of one value.
        value: What `at` returned.
    """
    return (
        tuple(map(function, value))
        if isinstance(value, tuple)
        else (function(value))
    )


def shown(tap):
    """Words for the taps of a place that is not only the output."""
    names = ", ".join(
        "the output" if one is None else f'"{one}"' for one in each(tap)
    )
    return f"layers {names}" if isinstance(tap, tuple) else f"layer {names}"
