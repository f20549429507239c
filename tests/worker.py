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

import keras_kd
from tests import support

ROOT = pathlib.Path(__file__).parents[1]
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
    end = time.monotonic() + 300
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


def train(strategy):
    """Trains a Distiller and a community in the scope of a strategy.

    Returns:
        Dict that JSON can hold: logs and weights of each.
    """
    x, y = support.data(EXAMPLES)
    weights = np.random.default_rng(0).random(EXAMPLES)
    found = {}
    for name, make in (("distiller", _distiller), ("peers", _peers)):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = make()
        history = model.fit(
            x,
            y,
            batch_size=6,
            sample_weight=weights,
            validation_data=(x, y),
            epochs=2,
            shuffle=False,
            verbose=0,
        ).history
        measured = model.evaluate(x, y, batch_size=6, verbose=0)
        found[name] = {
            "history": history | {"evaluated": measured},
            "weights": [v.tolist() for v in support.values(model.weights)],
            "answers": model.predict(x, batch_size=6, verbose=0).tolist(),
        }
    return found


def _distiller():
    made = support.distiller()
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
    result = train(strategy) | {"is_chief": keras_kd.distribution.is_chief()}
    pathlib.Path(sys.argv[1]).write_text(json.dumps(result, default=float))
