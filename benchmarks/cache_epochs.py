"""Epochs of `fit` with a cached teacher, and of those it is compared with.

One small data set goes through the same `tf.data` pipeline (shuffle, batch).
The student is an MLP 784-800-800-10, the batch 128; the teachers are MLPs whose
forward pass costs about 1, 5 and 16 training steps of that student. See
`cache_cost`.
"""

import functools
import tempfile

import keras
import numpy as np
import tensorflow as tf

import keras_kd
from benchmarks import contestants
from benchmarks import measure
from benchmarks import step_ratios

BATCH = 128
# Batches in an epoch, in which the start of `fit` counts for little.
BATCHES = 200
# Cost ratio that is meant: units of the teacher's layers, and batches in an
# epoch of those who run the teacher, whose steps are long.
TEACHERS = {1: (1800, 200), 5: (4800, 50), 16: (9000, 20)}


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
    """Functions that do an epoch each, and the seconds of filling the cache.

    Args:
        units: Units of the teacher's layers.
        batches: Batches in an epoch of those who run the teacher.
        directory: Where to write the cache.

    Returns:
        `(epochs, filling)`: for each name a function and its number of batches,
        and CPU seconds for a batch.
    """
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.normal(size=(BATCHES * BATCH, 784)).astype("float32")
    y = random.integers(0, 10, len(x))
    arrays = (x, y)
    teacher, student = contestants.mlp(units), contestants.mlp(800)
    start = measure.cpu_seconds()
    cached = keras_kd.teachers.cache_teacher(
        teacher, arrays, directory, batch_size=BATCH, verbose=0
    )
    filling = (measure.cpu_seconds() - start) / BATCHES

    def fit(model, data):
        model = compiled(model)
        return lambda: model.fit(data, verbose=0)

    copy = functools.partial(contestants.copy, student)
    plain = pipeline(tf.data.Dataset.from_tensor_slices(arrays))
    few = pipeline(
        tf.data.Dataset.from_tensor_slices(
            (x[: batches * BATCH], y[: batches * BATCH])
        )
    )
    forward = tf.function(lambda x: teacher(x, training=False))

    def run_teacher():
        for x, _ in few:
            forward(x)

    epochs = {
        "student": (fit(copy(), plain), BATCHES),
        "teacher": (run_teacher, batches),
        "cached": (
            fit(
                contestants.our_distiller(cached, copy(), None),
                pipeline(cached.attach(arrays)),
            ),
            BATCHES,
        ),
        "online": (
            fit(contestants.our_distiller(teacher, copy(), None), few),
            batches,
        ),
        step_ratios.THEIRS: (
            fit(
                contestants.their_distiller(
                    contestants.copy(teacher), copy(), None
                ),
                few,
            ),
            batches,
        ),
    }
    torch_epoch = make_torch_epoch(
        units, x[: batches * BATCH], y[: batches * BATCH]
    )
    if torch_epoch:
        epochs["torch"] = (torch_epoch, batches)
    return epochs, filling


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


def per_batch(epochs, rounds):
    """Seconds for a batch, in the form of `measure.interleave`."""
    steps = {name: epoch for name, (epoch, _) in epochs.items()}
    return {
        name: {
            kind: [value / epochs[name][1] for value in values]
            for kind, values in kinds.items()
        }
        for name, kinds in measure.interleave(steps, rounds, 1).items()
    }


def compare_epochs(rounds):
    """Ratios of epochs, one row for each teacher."""
    rows = []
    for meant, (units, batches) in TEACHERS.items():
        print(f"teacher 784-{units}-{units}-10", flush=True)
        with tempfile.TemporaryDirectory() as directory:
            epochs, filling = make_epochs(units, batches, directory)
            seconds = per_batch(epochs, rounds)
        row = {
            "meant": meant,
            "units": units,
            "teacher / student": ratio(seconds, "teacher", "student"),
            "cached / student": ratio(seconds, "cached", "student"),
            "online / student": ratio(seconds, "online", "student"),
            "keras.distillation / cached": ratio(
                seconds, step_ratios.THEIRS, "cached"
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
