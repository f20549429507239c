"""A small training of several workers, for processes that are to be killed.

Children are forked from a server that has imported this module: see
`cache_writer`.
"""

import json
import multiprocessing
import os
import pathlib
import socket
import time

import keras
import numpy as np

import keras_kd
from tests import support

EPOCHS = 5
WORKERS = 2
# So long does an epoch take at least: a kill shall often come within one.
SECONDS = 0.3


def context():
    """Makes processes that have imported everything."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


def configs():
    """A value of `TF_CONFIG` for each worker, with ports that are free."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(WORKERS)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for one in sockets:
        one.close()
    return [
        json.dumps(
            {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": index},
            }
        )
        for index in range(WORKERS)
    ]


def fit(folder, config, connection=None):
    """Trains, or goes on; writes the weights at the end.

    Args:
        folder: Folder for backups and results.
        config: Value of `TF_CONFIG`.
        connection: Gets `"begins"` when the training begins.
    """
    os.environ["TF_CONFIG"] = config
    strategy = keras_kd.distribution.strategy("multi_worker")
    keras.utils.set_random_seed(0)
    with strategy.scope():
        made = support.distiller()
        made.compile(keras.optimizers.Adam(0.05), support.cross_entropy())
    if connection is not None:
        connection.send("begins")
    made.fit(
        *support.data(16),
        batch_size=8,
        epochs=EPOCHS,
        shuffle=False,
        callbacks=[
            keras_kd.callbacks.BackupWorkers(folder),
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda *_: time.sleep(SECONDS)
            ),
        ],
        verbose=0,
    )
    index = json.loads(config)["task"]["index"]
    np.savez(pathlib.Path(folder, f"{index}.npz"), *made.student.get_weights())


def newest(folder):
    """The last epoch of which some worker has a backup, or 0."""
    names = [path.name for path in pathlib.Path(folder).rglob("epoch-*")]
    return max((int(name[6:12]) for name in names), default=0)


def result(folder):
    """What each worker has written."""
    found = []
    for index in range(WORKERS):
        with np.load(pathlib.Path(folder, f"{index}.npz")) as file:
            found.append([file[name] for name in file.files])
    return found
