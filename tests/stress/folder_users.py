"""Users of each kind of folder, for two processes that meet in one.

Children are forked from a server that has imported this module: see
`cache_writer`.
"""

import functools
import json
import multiprocessing
import pathlib
import time
import traceback

import keras
import numpy as np

from keras_kd import report
from keras_kd import transfer_sets
from tests import support
from tests.cli import small_jobs
from tests.conformance import procedure_rows
from tests.conformance import procedure_runs
from tests.stress import cache_writer
from tests.stress import search_process

WAIT = 240


def context():
    """Makes processes that have imported everything."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


def procedure(name, folder):
    row = dict(procedure_rows.NAMED_ROWS)[name]
    return row.run(row.make_teacher(), directory=folder).histories


def experiment(folder):
    kept = report.Experiment(folder, {"epochs": 1}, say=lambda line: None)
    keras.utils.set_random_seed(0)
    model = kept.model("model", functools.partial(support.dense, 8))
    x, _ = support.data()
    return [
        kept.result(str(n), lambda n=n: model(x + n).numpy().tolist())
        for n in range(20)
    ]


def reconstruction(folder):
    teacher = procedure_runs.teacher()
    made = transfer_sets.reconstruct(
        teacher=teacher,
        records=transfer_sets.activation_records(
            teacher=teacher, data=support.data(60)
        ),
        images_per_class=20,
        batch_size=2,
        steps=5,
        directory=folder,
        verbose=0,
    )
    return made.x.tolist()


def cache(folder):
    cache_writer.write(folder)
    found = cache_writer.content(folder)
    return {name: data.hex() for name, data in found.items()}


def search(folder):
    search_process.search(folder)
    return search_process.values(folder)


def command(folder):
    outcome, _ = small_jobs.run(folder, seeds=1)
    history = pathlib.Path(folder, "history.csv").read_text()
    return [outcome.gain.mean, outcome.teacher_accuracy, history]


def command_cache(folder):
    cached, _ = small_jobs.cache(folder)
    return [cached.num_examples, cached.fingerprint().hex()]


KINDS = {
    name: functools.partial(procedure, name)
    for name in ("fitnets", "compress", "co_training", "data_free")
} | {
    "experiment": experiment,
    "reconstruction": reconstruction,
    "cache": cache,
    "search": search,
    "command": command,
    "command_cache": command_cache,
}
# A run takes seconds: in CI, one pair of them meets.
SLOW = {"compress", "co_training", "command", "command_cache"}


def use(kind, folder, connection, start=None, delay=0.0):
    """Uses a folder; sends how that ended.

    Args:
        kind: Key of `KINDS`.
        folder: The folder, as text.
        connection: Gets `("ended", result)`, `("refused", error)` or
            `("failed", traceback)`, all text.
        start: A barrier at which to wait, or `None`.
        delay: Seconds to wait then. Defaults to `0.0`.
    """
    if start is not None:
        start.wait(WAIT)
    time.sleep(delay)
    try:
        result = json.dumps(KINDS[kind](folder), default=np.ndarray.tolist)
        connection.send(("ended", result))
    except ValueError as error:
        connection.send(("refused", str(error)))
    except BaseException:
        connection.send(("failed", traceback.format_exc()))
