"""What an epoch with a cached teacher costs, and what the cache costs.

Epochs of `fit` on one small data set, through the same `tf.data` pipeline
(shuffle, batch), by CPU seconds: the student alone, distilled from a cache,
distilled with the teacher itself, and distilled with `keras.distillation`,
which gets `keras.losses.KLDivergence()`, since its default divergence is none.
The student is an MLP 784-800-800-10, the batch 128; the teachers are MLPs whose
forward pass costs about 1, 5 and 16 training steps of that student. Writing the
cache is timed apart. Where torch is importable, the same distillation as a
plain PyTorch loop is compared by wall time.

Then: bytes an example, rates of writing and reading, and the peak memory of a
process that reads a small cache and one ten times as large.

    python -m benchmarks.cache_cost --output cache_cost.json

takes about ten minutes on two cores.
"""

import argparse
import functools
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

import keras_kd
from benchmarks import contestants
from benchmarks import measure

BATCH = 128
# Cost ratio that is meant: units of the teacher's layers, batches an epoch.
TEACHERS = {1: (1800, 200), 5: (4800, 60), 16: (9000, 20)}
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


def pipeline(data):
    return data.shuffle(4096, seed=0).batch(BATCH)


def compiled(model):
    model.compile(
        optimizer=contestants.OPTIMIZERS["momentum"](),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model


def make_epochs(units, batches, directory):
    """Functions that do an epoch each, and the seconds of filling the cache."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.normal(size=(batches * BATCH, 784)).astype("float32")
    y = random.integers(0, 10, len(x))
    arrays = (x, y)
    teacher, student = contestants.mlp(units), contestants.mlp(800)
    start = measure.cpu_seconds()
    cached = keras_kd.teachers.cache_teacher(
        teacher, arrays, directory, batch_size=BATCH, verbose=0
    )
    filling = measure.cpu_seconds() - start

    def fit(model, data):
        model = compiled(model)
        return lambda: model.fit(data, verbose=0)

    copy = functools.partial(contestants.copy, student)
    plain = pipeline(tf.data.Dataset.from_tensor_slices(arrays))
    forward = tf.function(lambda x: teacher(x, training=False))

    def run_teacher():
        for x, _ in plain:
            forward(x)

    epochs = {
        "student": fit(copy(), plain),
        "teacher": run_teacher,
        "cached": fit(
            contestants.our_distiller(cached, copy(), None),
            pipeline(cached.attach(arrays)),
        ),
        "online": fit(contestants.our_distiller(teacher, copy(), None), plain),
        contestants.THEIRS: fit(
            contestants.their_distiller(
                contestants.copy(teacher), copy(), None
            ),
            plain,
        ),
    }
    torch_epoch = make_torch_epoch(units, x, y)
    return epochs | ({"torch": torch_epoch} if torch_epoch else {}), filling


def make_torch_epoch(units, x, y):
    """The same distillation in plain PyTorch, or None without it."""
    try:
        import torch
    except ImportError:
        return None

    def mlp(width):
        return torch.nn.Sequential(
            torch.nn.Linear(784, width),
            torch.nn.ReLU(),
            torch.nn.Linear(width, width),
            torch.nn.ReLU(),
            torch.nn.Linear(width, 10),
        )

    teacher, student = mlp(units), mlp(800)
    optimizer = torch.optim.SGD(student.parameters(), lr=0.001, momentum=0.9)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    temperature = contestants.TEMPERATURE

    def epoch():
        for rows in torch.randperm(len(x)).split(BATCH):
            with torch.no_grad():
                target = (teacher(x[rows]) / temperature).log_softmax(-1)
            logits = student(x[rows])
            soft = torch.nn.functional.kl_div(
                (logits / temperature).log_softmax(-1),
                target,
                log_target=True,
                reduction="batchmean",
            )
            hard = torch.nn.functional.cross_entropy(logits, y[rows])
            optimizer.zero_grad()
            (0.5 * temperature**2 * soft + 0.5 * hard).backward()
            optimizer.step()

    return epoch


def ratio(seconds, name, other, kind="cpu"):
    return measure.spread(np.divide(seconds[name][kind], seconds[other][kind]))


def compare_epochs(rounds):
    """Ratios of epochs, one row for each teacher."""
    rows = []
    for meant, (units, batches) in TEACHERS.items():
        print(f"teacher 784-{units}-{units}-10", flush=True)
        with tempfile.TemporaryDirectory() as directory:
            epochs, filling = make_epochs(units, batches, directory)
            seconds = measure.interleave(epochs, rounds, 1)
        row = {
            "meant": meant,
            "units": units,
            "teacher / student": ratio(seconds, "teacher", "student"),
            "cached / student": ratio(seconds, "cached", "student"),
            "online / student": ratio(seconds, "online", "student"),
            "keras.distillation / cached": ratio(
                seconds, contestants.THEIRS, "cached"
            ),
            "filling / teacher": filling / np.median(seconds["teacher"]["cpu"]),
            "seconds": seconds,
        }
        if "torch" in seconds:
            row["torch / cached, wall"] = ratio(
                seconds, "torch", "cached", "wall"
            )
        rows.append(row)
    return rows


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
                for _ in cached.attach(data).batch(BATCH):
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
        "epochs": lambda: compare_epochs(arguments.rounds),
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
