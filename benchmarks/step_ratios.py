"""Ratios of the costs of steps, their targets, and their table."""

import numpy as np

from benchmarks import measure

WHAT = ("logits", "feature")
OURS = "keras_kd"
THEIRS = "keras.distillation"
BY_HAND = "by hand"
# Of the floor, that a step of ours may cost at most.
MOST = 1.05
# Costs of theirs, as multiples of ours, that are wanted at least.
LEAST = {
    "tensorflow": {"feature": 1.25},
    "jax": {"logits": 0.95, "feature": 1.15},
    "torch": {"logits": 0.95, "feature": 1.15},
}


def compare(seconds):
    """Per-round ratios, by clock: to the floor, and to our steps."""
    found = {}
    for clock in ("cpu", "wall"):
        of = {name: np.array(values[clock]) for name, values in seconds.items()}
        floor = of["student"] + of["teacher"]
        found[clock] = {
            name: measure.spread(of[name] / floor) for name in seconds
        }
        for what in WHAT:
            for label, who in (("theirs", THEIRS), (BY_HAND, BY_HAND)):
                if f"{what} {who}" in of:
                    found[clock][f"{what} {label} / ours"] = measure.spread(
                        of[f"{what} {who}"] / of[f"{what} {OURS}"]
                    )
    return found


def verdicts(found, backend, has_floor):
    """A line for each target: what was measured, and whether it is enough.

    Args:
        found: As `compare` returns it.
        backend: Name of the backend.
        has_floor: Whether the cost above the floor has a target.
    """
    median = {name: value["median"] for name, value in found["cpu"].items()}
    lines = []
    for what in WHAT if has_floor else ():
        value = median[f"{what} {OURS}"]
        verdict = "met" if value <= MOST else "MISSED"
        lines.append(f"{what} {OURS} <= {MOST} x floor: {value:.2f}, {verdict}")
    for what, least in LEAST[backend].items():
        value = median[f"{what} theirs / ours"]
        verdict = "met" if value >= least else "MISSED"
        lines.append(
            f"{what} {THEIRS} >= {least} x {OURS}: {value:.2f}, {verdict}"
        )
    return lines


def table(seconds, found):
    """The result of a pair, at most 80 columns wide."""

    def cell(value):
        low, high = value["quartiles"]
        return f"{value['median']:.2f} [{low:.2f}, {high:.2f}]"

    lines = [
        f"{'':27}{'ms a step':^15}  {'ratio to the floor [quartiles]':^36}",
        f"{'step':27}{'CPU':^7} {'wall':^7}  {'CPU':^17}  {'wall':^17}",
    ]
    for name in found["cpu"]:
        milliseconds = [
            f"{1000 * np.median(seconds[name][clock]):7.1f}"
            if name in seconds
            else " " * 7
            for clock in ("cpu", "wall")
        ]
        cells = [cell(found[clock][name]) for clock in ("cpu", "wall")]
        lines.append(f"{name:27}{' '.join(milliseconds)}  {'  '.join(cells)}")
    return "\n".join(line.rstrip() for line in lines)
