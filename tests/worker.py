"""What each of several processes runs in the tests of many workers.

`python -m tests.worker FILE` trains in the cluster of `TF_CONFIG`, or alone
without it, and writes what came out to FILE.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import keras_kd
from tests import support
from tests.conformance import every_loss_model
from tests.conformance import loss_rows

ROOT = pathlib.Path(__file__).parents[1]
# A loss of each kind: the test of two replicas has all of them.
ROWS = [
    row
    for row in loss_rows.ROWS
    if row.name
    in (
        "hint_with_projector",
        "input_gradient_symmetry",
        "interpolated_soft_targets",
        "masked_generation",
        "relational_distance",
        "soft_target_correlation",
        "soft_targets_sequence",
    )
]
EXAMPLES = 41


def run_workers(folder, count=2):
    """Trains in several processes of this machine.

    Args:
        folder: A `pathlib.Path`, for what they write.
        count: Number of workers.

    Returns:
        What each of them found, a list of dicts.
    """
    cluster = {"worker": [f"127.0.0.1:{port}" for port in _free_ports(count)]}
    processes = []
    for index in range(count):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": cluster, "task": task})
        command = [sys.executable, "-m", "tests.worker"]
        processes.append(
            subprocess.Popen(
                [*command, str(folder / f"{index}.json")],
                cwd=ROOT,
                env=os.environ | {"TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    end = time.monotonic() + 600
    # If one fails, the others wait for it.
    while time.monotonic() < end and any(p.poll() is None for p in processes):
        if any(process.poll() for process in processes):
            break
        time.sleep(0.5)
    for process in processes:
        process.kill()
    said = [process.communicate()[0][-5000:] for process in processes]
    assert all(p.returncode == 0 for p in processes), "\n".join(said)
    return [
        json.loads((folder / f"{index}.json").read_text())
        for index in range(count)
    ]


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def train(strategy, folder):
    """Trains several models in the scope of a strategy.

    Args:
        strategy: A `tf.distribute.Strategy`.
        folder: A `pathlib.Path` for the cache of a teacher, the same for all.

    Returns:
        Dict that JSON can hold: logs and weights of each.
    """
    x, y = support.data(EXAMPLES)
    weights = np.random.default_rng(0).random(EXAMPLES)
    given = (x, y, weights)
    keras.utils.set_random_seed(1)
    cached = keras_kd.teachers.cache_teacher(
        support.dense(8), given, folder, dtype="float32", verbose=0
    )
    as_data = tf.data.Dataset.from_tensor_slices(given)
    found = {
        "distiller": _fit(strategy, _distiller, given, given),
        "peers": _fit(strategy, _peers, given, given),
        "losses": _fit(
            strategy,
            lambda: every_loss_model.distiller(ROWS, steps_per_execution=2),
            every_loss_model.data(every_loss_model.EXAMPLES),
            every_loss_model.data(4),
            # Two groups of steps, one of them partial. Batches of 6 would leave
            # one example, and a worker without any.
            batch_size=5,
        ),
    }
    for name, one in (("arrays", given), ("data set", as_data)):
        answered = cached.attach(one).batch(6)
        found[f"cache of a {name}"] = _fit(
            strategy, lambda: _distiller(cached), answered, answered
        )
    return found


def _fit(strategy, make, train, validation, batch_size=6):
    """What a model learns from arrays, or from a data set of batches."""
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = make()
    options = {"epochs": 2, "shuffle": False, "verbose": 0}
    if isinstance(train, tf.data.Dataset):
        history = model.fit(train, validation_data=validation, **options)
        measured = model.evaluate(validation, verbose=0)
        x, _ = support.data(EXAMPLES)
    else:
        x, y, weights = train
        history = model.fit(
            x,
            y,
            sample_weight=weights,
            validation_data=validation,
            batch_size=batch_size,
            **options,
        )
        x, y, _ = validation
        measured = model.evaluate(x, y, batch_size=6, verbose=0)
    return {
        "history": history.history | {"evaluated": measured},
        "weights": [v.tolist() for v in support.values(model.weights)],
        "answers": model.predict(x, batch_size=6, verbose=0).tolist(),
    }


def _distiller(teacher=None):
    made = support.distiller(teacher=teacher)
    made.compile(
        keras.optimizers.Adam(0.05),
        support.cross_entropy(),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        steps_per_execution=4,
    )
    return made


def _peers():
    made = keras_kd.MutualDistiller(
        peers=[support.dense(5), support.dense(7)],
        distillation_losses=keras_kd.losses.SoftTargets(2.0),
    )
    made.compile(keras.optimizers.SGD(0.1), support.cross_entropy())
    return made


if __name__ == "__main__":
    is_alone = "TF_CONFIG" not in os.environ
    strategy = keras_kd.distribution.strategy(
        "one_device" if is_alone else "multi_worker"
    )
    path = pathlib.Path(sys.argv[1])
    result = train(strategy, path.parent / "cache") | {
        "is_chief": keras_kd.distribution.is_chief()
    }
    path.write_text(json.dumps(result, default=float))
