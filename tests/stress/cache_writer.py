"""A small job that writes a cache, for processes that are to be killed.

Children are forked from a server that has imported this module, so that each
starts in a moment: TensorFlow has not touched a device there.
"""

import multiprocessing
import os
import pathlib

import keras
import numpy as np

import keras_kd

VIEWS = 2
EXAMPLES = 100
EXAMPLES_PER_SHARD = 4
SHARDS = VIEWS * EXAMPLES // EXAMPLES_PER_SHARD


def repetitions(few=3):
    """How often a stress test does its work: `scripts/stress 100`.

    Args:
        few: How often in CI. Defaults to 3.
    """
    return int(os.environ.get("KERAS_KD_STRESS") or few)


def context():
    """Makes processes that have imported everything."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


def shifted(x, seed):
    """Adds a number to an example."""
    return x + keras.ops.cast(seed[1] + seed[0] % 7, "float32")


def teacher(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="relu")],
        name="teacher",
    )


def write(directory, connection=None, seed=0):
    """Writes the cache; tells through a connection when it begins."""
    x = np.random.default_rng(0).normal(size=(EXAMPLES, 4)).astype("float32")
    model = teacher(seed)
    if connection is not None:
        connection.send("begins")
    keras_kd.teachers.cache_teacher(
        model,
        x,
        directory,
        views=VIEWS,
        augmentation=shifted,
        batch_size=2,
        examples_per_shard=EXAMPLES_PER_SHARD,
        verbose=0,
    )
    if connection is not None:
        connection.send("ends")


def content(directory):
    """All files that make up a cache, by name, but for its lock.

    The lock has the number of the process that wrote last.
    """
    return {
        path.name: path.read_bytes()
        for path in sorted(pathlib.Path(directory).iterdir())
        if path.name != "lock"
    }
