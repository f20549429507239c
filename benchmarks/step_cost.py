"""What a training step of distillation costs.

    python -m benchmarks.step_cost --output step_cost.json

measures a step with soft targets only ("logits") and a step with soft targets
and one mean-squared feature ("feature"), of `keras_kd.Distiller` and of
`keras.distillation.Distiller`, against the floor: a step of the student alone
plus one forward pass of the teacher. About six minutes on two CPU cores.

All contestants start from the same weights, see the same batch and use the
same optimizer and loss, without metrics; the benchmark fails if the two
libraries do not report the same loss. What is timed is the function that `fit`
calls for each batch. A round runs a few steps of every contestant, each round
in another order; a ratio is formed within a round, and the table shows the
median over the rounds and the quartiles.

* keras.distillation gets `KLDivergence()`, since its default loss is no KL.
* The convolutional feature is the output of stage 2, of equal shape in both
  models. The hidden layers of the MLPs have 1200 and 800 units; what is
  compared there are the first 800, so that no library needs a projector. A
  projector is further work, and no part of this benchmark.
* The optimizer is plain momentum: a costlier one, such as Adam, would add the
  same to all and bring the ratios closer to 1.
"""

import argparse
import json
import os
import pathlib
import platform

import keras
import numpy as np
import tensorflow as tf

from benchmarks import contestants
from benchmarks import measure
from benchmarks.contestants import OURS
from benchmarks.contestants import THEIRS
from benchmarks.contestants import WHAT


def compare(seconds):
    """Per-round ratios, by clock: to the floor, and between the libraries."""
    found = {}
    for clock in ("cpu", "wall"):
        of = {name: np.array(values[clock]) for name, values in seconds.items()}
        floor = of["student"] + of["teacher"]
        found[clock] = {
            name: measure.spread(of[name] / floor) for name in seconds
        }
        for what in WHAT:
            found[clock][f"{what} theirs / ours"] = measure.spread(
                of[f"{what} {THEIRS}"] / of[f"{what} {OURS}"]
            )
    return found


def verdicts(found):
    """A line for each target: what was measured, and whether it is enough."""
    median = {name: value["median"] for name, value in found["cpu"].items()}
    lines = []
    for what in WHAT:
        value = median[f"{what} {OURS}"]
        verdict = "met" if value <= 1.05 else "MISSED"
        lines.append(f"{what} {OURS} <= 1.05 x floor: {value:.2f}, {verdict}")
    value = median["feature theirs / ours"]
    verdict = "met" if value >= 1.25 else "MISSED"
    return [
        *lines,
        f"feature {THEIRS} >= 1.25 x {OURS}: {value:.2f}, {verdict}",
    ]


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


def run(names, rounds, optimizer):
    """Measures pairs and prints their tables; returns all that was found."""
    result = {
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "optimizer": optimizer,
        "pairs": {},
    }
    for name in names:
        pair = contestants.PAIRS[name]
        print(pair.title, flush=True)
        steps = contestants.make_steps(pair, optimizer)
        seconds = measure.interleave(steps, rounds, pair.steps)
        found = compare(seconds)
        print(table(seconds, found), flush=True)
        if pair.has_target:
            print(*verdicts(found), sep="\n", flush=True)
        print()
        result["pairs"][name] = {
            "title": pair.title,
            "seconds_a_step": seconds,
            "ratios": found,
        }
    return result


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Measures what a training step of distillation costs."
    )
    parser.add_argument(
        "--pairs",
        nargs="+",
        choices=contestants.PAIRS,
        default=list(contestants.PAIRS),
        help="pairs of models to measure; all by default",
    )
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument(
        "--optimizer", choices=contestants.OPTIMIZERS, default="momentum"
    )
    parser.add_argument(
        "--output", type=pathlib.Path, help="JSON file for all measurements"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1. Received: {options.rounds}")
    # TensorFlow takes the one trace of each contestant for retracing.
    tf.get_logger().setLevel("ERROR")
    result = run(options.pairs, options.rounds, options.optimizer)
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
