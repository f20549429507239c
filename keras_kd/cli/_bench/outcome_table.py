"""The table of a finished job."""

import statistics

from keras_kd._core import costs
from keras_kd.cli._bench import arms

HEADER = (
    "",
    "accuracy %",
    "minus alone",
    "agrees %",
    "ECE %",
    "params",
    "KB",
    f"ms, batch {costs.BATCH}",
)


def legend(outcome):
    """Explains the columns of the table."""
    gain = outcome.gain
    return (
        "±: standard deviation over the seeds. minus alone: mean difference to "
        f"the student alone{_confidence(gain) if gain.count > 1 else ''}. "
        "agrees: chooses as the teacher does. ECE: expected calibration error. "
        "KB: saved, without optimizer. ms: median and quartiles of "
        f"{costs.ROUNDS} compiled calls with a batch of {costs.BATCH}, "
        "teacher and students in turn; those of one architecture were timed as "
        "one."
    )


def _confidence(gain):
    return (
        f" and its {100 * gain.level:g} % interval over seeds and test images, "
        f"corrected for {gain.comparisons} comparisons, each student with each"
    )


def rows(outcome):
    """Cells of the table, in the order of `HEADER`."""
    intervals = {
        arms.SMOOTHING: outcome.smoothing_gain,
        arms.DISTILLED: outcome.gain,
    }
    return [
        (
            name,
            spread(figures.accuracies),
            difference(intervals.get(name)),
            percent(figures.agreements),
            percent(figures.calibration_errors),
            f"{figures.parameters:,}",
            f"{figures.size / 1024:,.0f}",
            _milliseconds(figures.latency),
        )
        for name, figures in outcome.figures.items()
    ]


def percent(values):
    """Mean of fractions, in percent."""
    return f"{100 * statistics.fmean(values):.1f}"


def spread(values):
    """Mean and standard deviation of fractions, in percent."""
    mean = percent(values)
    if len(values) < 2:
        return mean
    return f"{mean} ± {100 * statistics.stdev(values):.1f}"


def difference(interval):
    """Mean difference and its interval, in points; empty for `None`."""
    if interval is None:
        return ""
    mean, low, high = (
        f"{100 * value:+.1f}"
        for value in (interval.mean, interval.low, interval.high)
    )
    return mean if interval.count < 2 else f"{mean} [{low}, {high}]"


def _milliseconds(seconds):
    median, low, high = (
        f"{1000 * value:.2f}"
        for value in (seconds.median, seconds.low, seconds.high)
    )
    return f"{median} [{low}, {high}]"
