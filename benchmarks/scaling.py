"""Cost of sharing a training among replicas and among workers.

The same global batch goes to one device, to two replicas of one process, and to
two workers of this machine, which TensorFlow connects by TCP. Ratios are to one
device: of wall seconds for a step, which sharing is for, and of the CPU seconds
of all processes, which it costs.

Two logical CPUs of one machine have no more cores than one: here it shows what
the sharing itself costs, and not how fast two machines are. One device and two
replicas take turns in one process; two workers run by themselves afterwards, so
that their ratio is the less certain one.

    python -m benchmarks.scaling --output scaling.json

takes about three minutes on two cores.
"""

import argparse
import json
import os
import pathlib
import socket
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

ONE, REPLICAS, WORKERS = "one device", "two replicas", "two workers"


def split_cpu():
    """Makes two logical CPUs, before TensorFlow touches a device."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
    tf.config.set_logical_device_configuration(cpu, two)


def make_epoch(pair, strategy, steps):
    """A function that trains for some steps, in the scope of a strategy."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    with strategy.scope():
        teacher = pair.teacher()
        distiller = contestants.our_distiller(teacher, pair.student(), None)
        distiller.compile(
            contestants.OPTIMIZERS["momentum"](),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
    shape = (steps * pair.batch, *teacher.input_shape[1:])
    x = random.normal(size=shape).astype("float32")
    y = random.integers(0, 10, size=len(x))
    return lambda: distiller.fit(
        x, y, batch_size=pair.batch, shuffle=False, verbose=0
    )


def measure_process(pair, strategies, steps, rounds):
    """Seconds for a step of one device and of two replicas.

    Returns:
        Dict by name of dicts by kind of seconds, one for each round.
    """
    epochs = {
        name: make_epoch(pair, one, steps) for name, one in strategies.items()
    }
    seconds = measure.interleave(epochs, rounds, count=1)
    return {
        name: {kind: [s / steps for s in values] for kind, values in of.items()}
        for name, of in seconds.items()
    }


def work(pair, steps, rounds, path):
    """Writes a worker's seconds for a step."""
    strategy = keras_kd.distribution.strategy("multi_worker")
    epoch = make_epoch(pair, strategy, steps)
    epoch()
    found = {"wall": [], "cpu": []}
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), measure.cpu_seconds()
        epoch()
        found["cpu"].append((measure.cpu_seconds() - cpu) / steps)
        found["wall"].append((time.perf_counter() - wall) / steps)
    path.write_text(json.dumps(found))


def measure_workers(name, steps, rounds):
    """Seconds for a step of two workers, of both together."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, f"{index}.json") for index in range(2)]
        processes = []
        for index, path in enumerate(paths):
            task = {"type": "worker", "index": index}
            config = {"cluster": {"worker": addresses}, "task": task}
            arguments = ["--pairs", name, "--worker", path]
            arguments += ["--steps", str(steps), "--rounds", str(rounds)]
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.scaling", *arguments],
                    env=os.environ | {"TF_CONFIG": json.dumps(config)},
                )
            )
        codes = [process.wait() for process in processes]
        if any(codes):
            raise RuntimeError(f"A worker failed: exit codes {codes}.")
        first, second = (json.loads(path.read_text()) for path in paths)
    return {
        "wall": first["wall"],
        "cpu": np.add(first["cpu"], second["cpu"]).tolist(),
    }


def ratios(seconds):
    """Medians and quartiles of each, by the median of one device."""
    return {
        name: {
            kind: measure.spread(np.divide(values, np.median(base)))
            for kind, values in of.items()
            for base in [seconds[ONE][kind]]
        }
        for name, of in seconds.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", nargs="+", default=["mlp", "conv"])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--worker", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size = arguments.steps, arguments.rounds
    if arguments.worker:
        work(contestants.PAIRS[arguments.pairs[0]], *size, arguments.worker)
        return
    split_cpu()
    # A process can have one of each kind only.
    strategies = {
        ONE: tf.distribute.get_strategy(),
        REPLICAS: keras_kd.distribution.strategy("mirrored"),
    }
    results = {}
    for name in arguments.pairs:
        pair = contestants.PAIRS[name]
        seconds = measure_process(pair, strategies, *size)
        seconds[WORKERS] = measure_workers(name, *size)
        results[name] = ratios(seconds)
        print(f"\n{pair.title}: ratios to one device, median [quartiles]")
        for who, of in results[name].items():
            cells = [
                "{}: {:.2f} [{:.2f}, {:.2f}]".format(
                    kind, of[kind]["median"], *of[kind]["quartiles"]
                )
                for kind in ("wall", "cpu")
            ]
            print(f"  {who:<14}{', '.join(cells)}", flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
