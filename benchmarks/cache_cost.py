"""Cost of an epoch with a cached teacher, and of the cache.

Epochs of `fit`, by CPU seconds for a batch (see `cache_epochs`): the student
alone, distilled from a cache, distilled with the teacher itself, and distilled
with `keras.distillation`, which gets `keras.losses.KLDivergence()`, since its
default divergence is none. Writing the cache is timed apart. Where torch is
importable, the same distillation as a plain PyTorch loop is compared by wall
time.

Then: bytes an example, rates of writing and reading, and the peak memory of a
process that reads a small cache and one ten times as large.

    python -m benchmarks.cache_cost --output cache_cost.json

takes about twenty minutes on two cores.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import tensorflow as tf

import keras_kd
from benchmarks import cache_epochs

CLASSES = (10, 100, 1000, 50_000)
FORMATS = {
    "float32": {"dtype": "float32"},
    "float16": {"dtype": "float16"},
    "top 5, float16": {"dtype": "float16", "top_k": 5},
}

# Reads a cache once, and prints the peak memory in KB.
READER = r"""
import re, sys
from keras_kd import teachers
import tensorflow as tf

directory, examples = sys.argv[1], int(sys.argv[2])
cached = teachers.CachedTeacher(directory)
data = tf.data.Dataset.range(examples).map(lambda i: tf.cast(i, "float32"))
data = cached.attach(data).shuffle(1000).batch(128)
for _ in data:
    pass
# Not `getrusage`, which counts what the parent had before this program began.
status = open("/proc/self/status").read()
print(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
"""


def write_cache(directory, classes, examples, options):
    """Writes a cache of a teacher that costs nothing, and opens it."""
    logits = np.random.default_rng(0).normal(size=(4096, classes))
    logits = logits.astype("float32")
    teacher = keras_kd.teachers.FunctionTeacher(
        lambda x: logits[np.asarray(x).astype(int) % len(logits)],
        num_classes=classes,
        from_logits=True,
        identity=f"random {classes}",
    )
    x = np.arange(examples, dtype="float32")
    start = time.perf_counter()
    cached = keras_kd.teachers.cache_teacher(
        teacher, x, directory, verbose=0, **options
    )
    seconds = time.perf_counter() - start
    return cached, tf.data.Dataset.from_tensor_slices(x), seconds


def measure_sizes():
    """Bytes and rates by number of classes and format."""
    rows = []
    for classes in CLASSES:
        examples = 1024 if classes > 10_000 else 8192
        for name, options in FORMATS.items():
            with tempfile.TemporaryDirectory() as directory:
                cached, data, writing = write_cache(
                    directory, classes, examples, options
                )
                size = sum(
                    path.stat().st_size
                    for path in pathlib.Path(directory).rglob("*")
                    if path.is_file()
                )
                start = time.perf_counter()
                for _ in cached.attach(data).batch(cache_epochs.BATCH):
                    pass
                reading = time.perf_counter() - start
            rows.append(
                {
                    "classes": classes,
                    "format": name,
                    "bytes an example": size / examples,
                    "written a second": examples / writing,
                    "read a second": examples / reading,
                }
            )
    return rows


def measure_memory(classes=1000):
    """Peak memory of a process that reads, for two sizes of the cache."""
    rows = []
    for examples in (20_000, 200_000):
        with tempfile.TemporaryDirectory() as directory:
            write_cache(directory, classes, examples, FORMATS["float16"])
            process = subprocess.run(
                [sys.executable, "-c", READER, directory, str(examples)],
                capture_output=True,
                text=True,
                check=True,
            )
        peak = int(process.stdout) / 1024
        rows.append({"examples": examples, "peak MB": peak})
    return rows


def table(rows, columns):
    """Rows of a result as text, medians only."""
    cells = [
        [
            value["median"] if isinstance(value, dict) else value
            for value in (row[column] for column in columns)
        ]
        for row in rows
    ]
    return keras_kd.report.text_table(
        columns,
        [[c if isinstance(c, str) else f"{c:,.4g}" for c in r] for r in cells],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--parts", nargs="+", default=["epochs", "sizes", "memory"]
    )
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    parts = {
        "epochs": lambda: cache_epochs.compare_epochs(arguments.rounds),
        "sizes": measure_sizes,
        "memory": measure_memory,
    }
    results = {}
    for name in arguments.parts:
        results[name] = rows = parts[name]()
        shown = [column for column in rows[0] if column != "seconds"]
        print("\n" + table(rows, shown), flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
