"""Verdicts on the gain by distillation, in a sentence."""

import math

from keras_kd._core.arguments import check_positive
from keras_kd.report.intervals import Interval
from keras_kd.report.spread import MAX_EXAMPLES
from keras_kd.report.spread import MAX_SEEDS
from keras_kd.report.spread import MIN_DISPUTED
from keras_kd.report.spread import round_up


def verdict(
    interval: Interval,
    treated: str = "Distillation",
    baseline: str = "the student alone",
    *,
    smallest_gain: float = 0.01,
) -> str:
    """Judges in a sentence whether distillation helped, if data suffice.

    Args:
        interval: What `compare` returned, of accuracies as fractions.
        treated: What is judged, at the start of the sentence. Defaults to
            `"Distillation"`.
        baseline: What it is compared with. Defaults to
            `"the student alone"`.
        smallest_gain: The smallest gain that would matter. Where the interval
            includes zero and reaches further to either side of its middle,
            there are too few seeds or examples to decide. Defaults to `0.01`,
            one point.

    Returns:
        One or two sentences. They claim a gain, or harm, only if the interval
        counts the luck of the test examples too, all of it is on one side of
        zero, and the arms differ on at least 10 examples. "Too few to tell"
        comes with the numbers that would suffice.

    Raises:
        TypeError: If `interval` is no `Interval`.
        ValueError: If `smallest_gain` is not a positive number.

    Example:

    >>> hard = np.random.default_rng(0).random(500)  # Test examples.
    >>> alone = hard < [[0.80], [0.81], [0.79]]  # Three seeds.
    >>> distilled = hard < [[0.81], [0.82], [0.81]]
    >>> print(keras_kd.report.verdict(
    ...     keras_kd.report.compare(alone, distilled)))
    Distillation helped over the student alone: +1.2 points of accuracy, 95 %
    interval +0.2 to +2.2 over 3 seeds and 500 test examples.
    """
    if not isinstance(interval, Interval):
        raise TypeError(
            "`interval` must be what `report.compare` returned. Received: "
            f"interval={interval!r} of type {type(interval).__name__}."
        )
    check_positive("smallest_gain", smallest_gain, "what the margin is held to")
    against = f"{treated} against {baseline}"
    mean = f"{100 * interval.mean:+.1f} points of accuracy"
    ends = (
        f"{mean}, {100 * interval.level:g} % interval "
        f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
    )
    over = f"over {_number(interval.count, 'seed')}"
    corrected = (
        f", corrected for {interval.comparisons} comparisons"
        if interval.comparisons > 1
        else ""
    )
    spread = interval.spread
    if spread is None:
        return (
            f"{against}: {ends} {over}{corrected}. It does not count the luck "
            "of the test examples, so it shows no effect: hand "
            "`report.compare` a score of each example, (seeds, examples)."
        )
    over += f" and {_number(spread.num_examples, 'test example')}"
    if spread.num_seeds < 2:
        return (
            f"{against}: too few seeds to tell, {mean} {over}. One seed shows "
            "no spread; about 5 would do."
        )
    if spread.num_disputed < MIN_DISPUTED:
        return (
            f"{against}: too few test examples to tell, {mean} {over}. "
            f"{_disputes(spread)}"
        )
    figures = f"{ends} {over}{corrected}"
    if interval.side > 0:
        return f"{treated} helped over {baseline}: {figures}."
    if interval.side < 0:
        return f"{treated} did harm against {baseline}: {figures}."
    if interval.margin > smallest_gain:
        by_seeds, by_examples = spread.parts(
            interval.level, interval.comparisons
        )
        short = "seeds" if by_seeds >= by_examples else "test examples"
        return (
            f"{against}: too few {short} to tell, {figures}, which includes "
            f"zero. {_enough(interval, smallest_gain)}"
        )
    return (
        f"{treated} showed no clear gain over {baseline}: {figures}, which "
        "includes zero."
    )


def _number(count, what):
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _disputes(spread):
    """Estimates the examples needed until the arms differ on enough."""
    needs = (
        f"They differ on {spread.num_disputed} of these, and must differ on "
        f"{MIN_DISPUTED} at least"
    )
    if not spread.num_disputed:
        return f"{needs}."
    number = spread.num_examples * MIN_DISPUTED / spread.num_disputed
    if number > MAX_EXAMPLES:
        return f"{needs}: more than {MAX_EXAMPLES:,} are needed."
    return f"{needs}: about {round_up(math.ceil(number)):,} would do."


def _enough(interval, smallest_gain):
    """Estimates the seeds and examples that a narrow interval needs."""
    spread = interval.spread
    narrow = (
        f"an interval of {100 * smallest_gain:g} "
        f"point{'' if smallest_gain == 0.01 else 's'} to either side"
    )
    found = spread.enough(smallest_gain, interval.level, interval.comparisons)
    if found is None:
        return (
            f"More than {MAX_SEEDS} seeds and {MAX_EXAMPLES:,} test examples "
            f"would be needed for {narrow}."
        )
    seeds, examples = found
    more = [
        _number(count, what)
        for count, now, what in (
            (seeds, spread.num_seeds, "seed"),
            (examples, spread.num_examples, "test example"),
        )
        if count > now
    ]
    return f"About {' and '.join(more)} would do for {narrow}."
