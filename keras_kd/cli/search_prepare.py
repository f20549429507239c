"""Loads and validates the data and models of a search."""

import dataclasses
import json
import pathlib
import time

from keras_kd import teachers
from keras_kd._core import files
from keras_kd._core import own_files
from keras_kd.cli import search_knobs
from keras_kd.cli import search_outputs
from keras_kd.cli import search_settings
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import outcome
from keras_kd.cli._bench import prepare
from keras_kd.cli._bench.cache_folder import CacheFolder
from keras_kd.cli._bench.job import Job
from keras_kd.cli._bench.state import State
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.progress import Progress
from keras_kd.search import chief
from keras_kd.search import project
from keras_kd.teachers import caching

PROJECT = "search"
# File with the identity of the search, in the tuner's folder.
JOB = "job.json"
# How long a worker waits for the chief to train and cache the teacher.
PATIENCE_SECONDS = 3600.0
LOOK_SECONDS = 1.0


def begin(settings, alternatives, say, live):
    """Loads the data and models, and validates an earlier search.

    Args:
        settings: A `SearchSettings`.
        alternatives: A resolved `Settings` for each method.
        say: Takes a line for the user.
        live: See `Progress`.

    Returns:
        `(job, knobs)`: a `Job`, whose bench has the usable methods, and the
        knobs of the search.

    Raises:
        UnusableError: If a part cannot be used, or the parts do not fit.
    """
    folder = CacheFolder(settings.cache_path, "cache")
    given = settings.cache and folder
    bench = prepare.load(alternatives[0], say, given)
    bench = _with_methods(bench, alternatives, settings)
    knobs = search_knobs.knobs(bench.alternatives, settings)
    _check_searched(knobs)
    if given:
        bench = prepare.fit_together(bench, folder)
    overwrite = settings.overwrite and not chief.is_worker()
    own_cache = settings.cache is None and folder
    if overwrite:
        # All of it before anything is deleted.
        _check_removable(settings, own_cache)
    state = State(
        settings.output,
        _identity(bench, settings),
        overwrite,
        files=() if chief.is_worker() else search_outputs.FILES,
        is_shared=chief.is_worker(),
    )
    if state.replaces and own_cache:
        own_cache.remove()
    if overwrite:
        own_files.remove_folder(_project(settings), project.OURS)
    elif not chief.is_worker():
        _check_project(settings, _identity(bench, settings))
    if not given:
        # Not before another job's cache is gone.
        folder.prepare()
        bench = prepare.fit_together(bench, folder)
    if not chief.is_worker():
        say(outcome.describe(bench))
    progress = Progress({arms.TEACHER: 1}, None, say, live)
    return Job(bench, state, progress), knobs


def await_cache(path, say, patience=PATIENCE_SECONDS, sleep=time.sleep):
    """Waits until the chief has written the cache.

    Args:
        path: Folder of the cache.
        say: Takes a line for the user.
        patience: Seconds to wait at most.
        sleep: Waits for some seconds. Defaults to `time.sleep`.

    Raises:
        UnusableError: If it is not there then.
    """
    waited = 0.0
    while not _is_complete(path):
        if waited == 0:
            say(f"Waiting for the chief to write the cache in {path}.")
        if waited >= patience:
            raise UnusableError(
                "A worker needs the teacher's answers, which the chief writes. "
                f"Received: no finished cache in {path} after {patience:g} s. "
                f"Start the same command with {chief.ID}={chief.CHIEF} first, "
                "with the same folders."
            )
        sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS


def _is_complete(path):
    try:
        return caching.is_complete(pathlib.Path(path))
    except ValueError:
        # Damaged: opening the cache raises the error.
        return True


def _with_methods(bench, alternatives, settings):
    """A bench for all methods; of the default ones, those that can be used."""
    usable = []
    for one in alternatives:
        try:
            variant = bench.with_settings(one)
            variant.losses(teachers.logits(bench.student))
        except UnusableError as error:
            if settings.methods is not None:
                text = str(error).replace("--method", "--methods")
                raise UnusableError(text) from error
            continue
        usable.append(one)
    return dataclasses.replace(
        bench, settings=usable[0], alternatives=tuple(usable)
    )


def _check_searched(knobs):
    if not any(one.is_searched for one in knobs.values()):
        fixed = " ".join(
            f"--{one.flag}={one.knob}"
            for name, one in knobs.items()
            if name != search_knobs.METHOD
        )
        raise UnusableError(
            "At least one flag must be left to search. Received: --methods="
            f"{knobs[search_knobs.METHOD].knob} {fixed}, which leaves none. "
            "Leave one out, or run `keras-kd distill` with them."
        )


def _identity(bench, settings):
    """Describes a search, as a dict for JSON.

    The number of trials is no part of it: more can be added.
    """
    found = prepare.identity(bench)
    for name in ("method", "learning_rate", *search_settings.TUNED_FLAGS):
        found.pop(name, None)
    return found | {
        "command": "search",
        "methods": [one.method for one in bench.alternatives],
        "tuner": settings.tuner,
        "seeds": settings.seeds,
        "strategy": settings.strategy,
        "fixed": {
            name: getattr(settings, name)
            for name in (*search_settings.TUNED_FLAGS, search_settings.RATE)
            if getattr(settings, name) is not None
        },
    }


def _project(settings):
    return pathlib.Path(settings.tuner_directory, PROJECT)


def _check_project(settings, identity):
    """Validates that the tuner's folder belongs to this search."""
    folder = _project(settings)
    if not any(folder.glob("trial_*")):
        return
    # Not as it is in memory: JSON has no tuples.
    if files.read_json(folder / JOB) != json.loads(json.dumps(identity)):
        raise UnusableError(
            "The tuner's folder must be new, or that of the same search, since "
            f"its trials count. Received: {folder}, with trials of another "
            "one. Name another `--directory` or `--output`, or add "
            "`--overwrite`."
        )


def keep_identity(bench, settings):
    """Writes the identity into the tuner's folder, before the first trial.

    Args:
        bench: The `Bench` of the search.
        settings: The `SearchSettings`.
    """
    files.write_json(_project(settings) / JOB, _identity(bench, settings))


def _check_removable(settings, own_cache):
    """Validates that a search from scratch deletes only our files."""
    try:
        project.check_is_search(_project(settings))
        if own_cache:
            own_cache.check_removable()
    except ValueError as error:
        raise UnusableError(str(error)) from error


def check_resume(settings):
    """Validates that there is a search to `--resume`."""
    if settings.resume and not _project(settings).is_dir():
        raise UnusableError(
            "`--resume` must not be given where there is no search to go on "
            f"with. Received: --resume, and no folder {_project(settings)}. "
            "Leave it out to begin one, or name the folder of the other."
        )
