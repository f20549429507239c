"""The flags of `keras-kd distill` as knobs of a search."""

import dataclasses

from keras_kd import search
from keras_kd.cli.search_settings import RATE
from keras_kd.cli.search_settings import TUNED_FLAGS
from keras_kd.search import ranges

METHOD = "method"
FACTOR = ranges.LOSS_WEIGHT_FACTOR
RATES = search.Range(
    0.001,
    0.1,
    default=0.01,
    sampling="log",
    reason="around those that `keras-kd distill` chooses from, 0.003 to 0.03",
)


@dataclasses.dataclass(frozen=True)
class FlagKnob:
    """A flag as a knob.

    Attributes:
        flag: Name of the flag.
        methods: Names of the methods for which it counts.
        knob: A `search.Range`, a `search.Choice` or a fixed value.
    """

    flag: str
    methods: tuple[str, ...]
    knob: search.Range | search.Choice | float

    @property
    def is_searched(self):
        """Whether a trial has to choose."""
        return isinstance(self.knob, search.Range | search.Choice)


def knobs(alternatives, settings):
    """All knobs of a search.

    A flag that has the same range for all methods is one knob, which learns
    from all of them; otherwise each method has its own.

    Args:
        alternatives: A resolved `Settings` for each method.
        settings: A `SearchSettings`.

    Returns:
        Dict from names to `FlagKnob`, in the order in which they are chosen.
    """
    names = tuple(one.method for one in alternatives)
    method = search.Choice(names) if len(names) > 1 else names[0]
    found = {METHOD: FlagKnob(METHOD, names, method)}
    for flag in TUNED_FLAGS:
        ranges_of = {
            one.method: _range(flag, getattr(one, flag), settings)
            for one in alternatives
            if getattr(one, flag) is not None
        }
        if len(set(map(str, ranges_of.values()))) == 1:
            (shared, *_) = ranges_of.values()
            found[flag] = FlagKnob(flag, tuple(ranges_of), shared)
            continue
        for name, own in ranges_of.items():
            found[f"{name}.{flag}"] = FlagKnob(flag, (name,), own)
    rate = RATES if settings.learning_rate is None else settings.learning_rate
    found[RATE] = FlagKnob(RATE, names, rate)
    if settings.tuner == "grid":
        return {name: _on_grid(one) for name, one in found.items()}
    return found


def _range(flag, value, settings):
    """The range of a flag around the default of a method."""
    if getattr(settings, flag) is not None or value == 0:
        # Without a weight, the method does not look at the labels.
        return value
    if flag == "temperature":
        return dataclasses.replace(ranges.TEMPERATURE, default=value)
    return search.Range(
        value / FACTOR,
        value * FACTOR,
        default=value,
        sampling="log",
        reason="a tenth to ten times of the method's default",
    )


def _on_grid(one):
    """A knob with three values where it had a range."""
    knob = one.knob
    if isinstance(knob, search.Range):
        values = tuple(sorted({knob.low, knob.default, knob.high}))
        knob = search.Choice(values, default=knob.default, reason=knob.reason)
    return dataclasses.replace(one, knob=knob)


def described(knobs):
    """Rows of a table of the knobs: name, values, reason.

    Args:
        knobs: What the function `knobs` returned.
    """
    return [
        (
            name,
            str(one.knob) if one.is_searched else f"{_shown(one.knob)} (fixed)",
            _methods(one) + getattr(one.knob, "reason", ""),
        )
        for name, one in knobs.items()
    ]


def _shown(value):
    return value if isinstance(value, str) else f"{value:g}"


def _methods(one):
    return f"for {', '.join(one.methods)}: " if one.flag in TUNED_FLAGS else ""
