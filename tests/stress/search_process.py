"""A small search, for processes that are to be killed.

Children are forked from a server that has imported this module: see
`cache_writer`.
"""

import multiprocessing
import os
import pathlib
import time

from keras_kd.search import chief
from keras_kd.search import journal
from tests.search import scored

TRIALS = 6
# So long does a trial take at least: a kill shall often come within one.
SECONDS = 0.1


def context():
    """Makes processes that have imported everything."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__])
    return found


def search(folder, connection=None, environment=()):
    """Searches in a folder; tells through a connection what happens.

    Args:
        folder: Folder of the search.
        connection: Gets the number of trials of this process after each.
        environment: Pairs of environment variables, for several processes.
    """
    os.environ.update(environment)
    # So long does a chief wait for workers that may have ended.
    chief.SECONDS = 5.0

    def before(count):
        if connection is not None:
            connection.send(count)
        time.sleep(SECONDS)

    tuner = scored.make_tuner(
        folder, scored.Scored(before), max_trials=TRIALS, say=lambda line: None
    )
    if connection is not None:
        connection.send("begins")
    scored.run(tuner)


def state(folder):
    """What the journal of a search has."""
    return journal.read(pathlib.Path(folder) / "search" / journal.NAME)


def values(folder):
    """The number and the score of each trial that has ended."""
    found = state(folder)
    return {
        name: (
            round(trial["hyperparameters"]["values"]["number"], 9),
            round(trial["score"], 9),
        )
        for name, trial in found["trials"].items()
        if trial["status"] == "COMPLETED"
    }


def roles(port, workers):
    """Environments of a chief and its workers, by name."""
    common = [(chief.IP, "127.0.0.1"), (chief.PORT, str(port))]
    names = [chief.CHIEF, *(f"worker{n}" for n in range(workers))]
    return {name: [*common, (chief.ID, name)] for name in names}


def scores_fit(folder):
    """Whether each score is that of its own value."""
    return all(
        abs(score + (number - 3.0) ** 2) < 1e-6
        for number, score in values(folder).values()
    )
