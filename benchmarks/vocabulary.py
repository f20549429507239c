"""Cost of a loss over many classes, in CPU seconds and memory.

    python -m benchmarks.vocabulary --output vocabulary.json

measures the value and the gradient of `losses.SoftTargets`, and of what one
would write in its place, on random logits of 1,000 to 150,000 classes. About
ten minutes on two CPU cores. `KERAS_BACKEND` chooses the backend.

The floor is TensorFlow's fused operation with the teacher's softmax and both
divisions by the temperature: it makes the same gradient, and no divergence but
the cross-entropy. The fused operation alone is given the probabilities, and
keras.distillation `KLDivergence()`, since its default loss is no KL. Soft
targets of a cache of the highest logits are to cost no more than a student's
cross-entropy with labels.

CPU seconds are medians of interleaved rounds, ratios those of the rounds. Peak
memory is what a call in a process of its own needs besides its arguments, the
gradient included, in tensors of rows x classes float32 numbers. This process
does not keep the memory that it frees, as none does that trains.

The last two rows are whole steps of a `Distiller`, from hidden states of 256
and 64 features to updated weights, by logits and by chunks of them:

    python -m benchmarks.vocabulary --rows=512 --classes 32000 150000

where a tensor has 62.5 and 293 MiB.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

import keras_kd
from benchmarks import measure
from benchmarks import on_backend
from benchmarks import vocabulary_losses

# Rows by number of classes.
ROWS = {1000: 4096, 20_000: 512, 32_000: 512, 150_000: 64}
# The most that is wanted from so many classes: multiples of the CPU seconds of
# another loss, and tensors of memory.
LARGE = 20_000
MOST = {
    "SoftTargets": (vocabulary_losses.FLOOR, 1.1, 3.2),
    "SoftTargets, near-equal rows": (vocabulary_losses.FLOOR, 1.9, None),
    vocabulary_losses.OF_TOP: (vocabulary_losses.STUDENT, 1.0, None),
}


def measure_time(rows, classes, rounds):
    """CPU seconds of a call by name, one number a round."""
    data = vocabulary_losses.Data(rows, classes)
    steps = {
        name: vocabulary_losses.make_step(name, data)
        for name in vocabulary_losses.NAMES
    }
    synchronize = on_backend.here().synchronize
    seconds = measure.interleave(steps, rounds, 3, synchronize)
    return {name: found["cpu"] for name, found in seconds.items()}


def measure_memory(name, rows, classes):
    """Peak memory of a process of its own, in tensors."""
    process = subprocess.run(
        [sys.executable, "-m", __spec__.name]
        + [f"--peak={name}", f"--rows={rows}", f"--classes={classes}"],
        env=measure.giving_back(),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(process.stdout.split()[-1]) / (4 * rows * classes)


def peak(name, rows, classes):
    """Bytes at most that a step needs besides its arguments."""
    step = vocabulary_losses.make_step(
        name, vocabulary_losses.Data(rows, classes)
    )
    return measure.peak(step, on_backend.here().synchronize)


def compare(cpu, tensors):
    """Rows of the result by name.

    Args:
        cpu: CPU seconds by name, one number a round.
        tensors: Peak memory by name.
    """
    cpu = {name: np.array(seconds) for name, seconds in cpu.items()}
    floor = cpu[vocabulary_losses.FLOOR]
    found = {
        name: {
            "CPU ms": 1000 * float(np.median(seconds)),
            "ratio": measure.spread(seconds / floor),
            "tensors": tensors[name],
        }
        for name, seconds in cpu.items()
    }
    for name, (other, time, memory) in MOST.items():
        if name in found:
            ratio = float(np.median(cpu[name] / cpu[other]))
            is_met = ratio <= time
            if memory is not None:
                is_met &= tensors[name] <= memory
            found[name] |= {"is_met": bool(is_met), "of target": ratio}
    return found


def table(found, classes):
    """The result for a number of classes, at most 80 columns wide."""
    cells = []
    for name, row in found.items():
        ratio, tensors = row["ratio"], row["tensors"]
        low, high = ratio["quartiles"]
        verdict = ""
        if classes >= LARGE and name in MOST:
            verdict = "met" if row["is_met"] else "MISSED"
        cells.append(
            [
                name,
                f"{row['CPU ms']:.1f}",
                f"{ratio['median']:.2f} [{low:.2f}, {high:.2f}]",
                f"{tensors:.2f}",
                verdict,
            ]
        )
    titles = ["", "CPU ms", "x floor [quartiles]", "tensors", "target"]
    return keras_kd.report.text_table(titles, cells)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Measures what a loss over many classes costs."
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--classes", type=int, nargs="+", default=list(ROWS))
    parser.add_argument(
        "--rows", type=int, help="rows for all numbers of classes"
    )
    parser.add_argument(
        "--peak",
        choices=vocabulary_losses.NAMES,
        help="print the bytes that one loss needs, and measure nothing else",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, help="JSON file for all measurements"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1. Received: {options.rounds}")
    result = {}
    for classes in options.classes:
        rows = options.rows or ROWS.get(classes, 64)
        if options.peak:
            print(peak(options.peak, rows, classes))
            continue
        print(f"{rows} rows of {classes:,} classes", flush=True)
        tensors = {
            name: measure_memory(name, rows, classes)
            for name in vocabulary_losses.NAMES
        }
        cpu = measure_time(rows, classes, options.rounds)
        found = compare(cpu, tensors)
        print(table(found, classes), flush=True)
        result[classes] = {"rows": rows, "cpu": cpu, "found": found}
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
