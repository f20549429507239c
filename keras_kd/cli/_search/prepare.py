"""Loads and validates the data and models of a search."""

import contextlib
import dataclasses
import pathlib
import time
from typing import NamedTuple

from keras_kd import teachers
from keras_kd._core.run_folder import RunFolder
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import identities
from keras_kd.cli._bench import outcome
from keras_kd.cli._bench import prepare
from keras_kd.cli._bench.answers import CacheFolder
from keras_kd.cli._bench.job import Job
from keras_kd.cli._bench.state import State
from keras_kd.cli._bench.state import is_begun
from keras_kd.cli._search import found_files
from keras_kd.cli._search import students
from keras_kd.cli._search.settings import LIMITS
from keras_kd.cli._search.settings import RATE
from keras_kd.cli._search.settings import TUNED_FLAGS
from keras_kd.cli._search.space import METHOD
from keras_kd.cli._search.space import knobs
from keras_kd.cli._shell import errors
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.progress import Progress
from keras_kd.search import chief
from keras_kd.search import project
from keras_kd.search.knobs import is_searched
from keras_kd.teachers import caching

PROJECT = "search"
# How long a worker waits for the chief to train and cache the teacher.
PATIENCE_SECONDS = 3600.0
LOOK_SECONDS = 1.0


class Begun(NamedTuple):
    """A search that can begin.

    Attributes:
        job: A `Job`, whose bench has the usable methods.
        identity: What tells the search from others.
        folder: Folder of the tuner, locked as long as this lives; `None` in a
            worker.
    """

    job: Job
    identity: dict
    folder: RunFolder | None


def begin(settings, alternatives, say, live):
    """Loads the data and models, and validates an earlier search.

    Args:
        settings: A `SearchSettings`.
        alternatives: A resolved `Settings` for each method.
        say: Takes a line for the user.
        live: See `Progress`.

    Returns:
        A `Begun`.

    Raises:
        UnusableError: If a part cannot be used, or the parts do not fit.
    """
    folder = CacheFolder(settings.cache_path, "cache")
    given = settings.cache and folder
    bench = prepare.load(alternatives[0], say, given)
    bench = _with_methods(bench, alternatives, settings)
    _check_searched(bench, settings)
    if given:
        bench = prepare.fit_together(bench, folder)
    is_worker = chief.is_worker()
    overwrite = settings.overwrite and not is_worker
    own_cache = settings.cache is None and folder
    place = settings.tuner_directory, PROJECT
    identity = _identity(bench, settings)
    with in_flags(settings), contextlib.ExitStack() as held:
        if overwrite:
            # Before anything is deleted.
            held.enter_context(project.removable(*place))
        files = () if is_worker else found_files.ALL_FILES
        state = State(
            settings.output,
            identity,
            overwrite,
            files=files,
            discard=own_cache.remove if own_cache else None,
            is_shared=is_worker,
        )
        search = None
        if not is_worker:
            limits = students.limits_of(settings)
            search = project.open_folder(*place, identity, overwrite, limits)
    if not given:
        # Not before another job's cache is gone.
        folder.prepare()
        bench = prepare.fit_together(bench, folder)
    if not is_worker:
        say(outcome.describe(bench))
    progress = Progress({arms.TEACHER: 1}, None, say, live)
    return Begun(Job(bench, state, progress), identity, search)


@contextlib.contextmanager
def in_flags(settings, kinds=(ValueError, TimeoutError)):
    """Turns errors of the library into those of a command, with its flags.

    Args:
        settings: A `SearchSettings`.
        kinds: Classes of errors. Defaults to those of arguments and folders.
    """
    try:
        yield
    except UnusableError:
        raise
    except kinds as error:
        flag = "--output" if settings.directory is None else "--directory"
        text = str(error).replace("`overwrite=True`", "`--overwrite`")
        text = text.replace("`directory`", f"`{flag}`")
        text = text.replace("Received: directory=", f"Received: {flag}=")
        text = text.replace("another directory", f"another {flag}")
        text = errors.in_flags(text, dict(zip(LIMITS, LIMITS, strict=True)))
        raise UnusableError(text) from error


def await_chief(
    output, cache, say, patience=PATIENCE_SECONDS, sleep=time.sleep
):
    """Waits until the chief has begun the job, and written the cache.

    Args:
        output: The output folder.
        cache: Folder of the cache.
        say: Takes a line for the user.
        patience: Seconds to wait at most, for each of them.
        sleep: Waits for some seconds. Defaults to `time.sleep`.

    Raises:
        UnusableError: If they are not there then.
    """
    awaited = (
        (f"job in {output}", is_begun, output),
        (f"cache in {cache}", _is_complete, cache),
    )
    for name, is_there, folder in awaited:
        waited = 0.0
        while not is_there(folder):
            if waited == 0:
                say(f"Waiting for the chief to write the {name}.")
            if waited >= patience:
                raise UnusableError(
                    "A worker needs the job and the teacher's answers, which "
                    f"the chief writes. Received: after {patience:g} s, no "
                    f"{name} yet. Start the same command with "
                    f"{chief.ID}={chief.CHIEF} first, with the same folders."
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
        one = data_sets.fill_in(one, bench.tuning)
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


def _check_searched(bench, settings):
    widths = students.widths(bench, settings)
    found, _ = knobs(bench.alternatives, settings, widths)
    if not any(map(is_searched, found.values())):
        methods = found.pop(METHOD)
        found.pop(students.WIDTH, None)
        fixed = " ".join(f"--{flag}={value}" for flag, value in found.items())
        raise UnusableError(
            "At least one flag must be left to search. Received: --methods="
            f"{methods} {fixed}, which leaves none. Leave one out, or run "
            "`keras-kd distill` with them."
        )


def _identity(bench, settings):
    """Describes a search, as a dict for JSON.

    The number of trials is no part of it: more can be added.
    """
    found = identities.of_job(bench)
    for name in ("method", RATE, *TUNED_FLAGS):
        found.pop(name, None)
    for name in LIMITS:
        # Where there are none, searches of older versions are the same.
        if getattr(settings, name) is not None:
            found[name] = getattr(settings, name)
    return found | {
        "command": "search",
        "methods": [one.method for one in bench.alternatives],
        "tuner": settings.tuner,
        "seeds": settings.seeds,
        "strategy": settings.strategy,
        "fixed": {
            name: getattr(settings, name)
            for name in (*TUNED_FLAGS, RATE)
            if getattr(settings, name) is not None
        },
    }


def check_resume(settings):
    """Validates that there is a search to `--resume`."""
    place = pathlib.Path(settings.tuner_directory, PROJECT)
    if settings.resume and not place.is_dir():
        raise UnusableError(
            "`--resume` must not be given where there is no search to go on "
            f"with. Received: --resume, and no folder {place}. Leave it out to "
            "begin one, or name the folder of the other."
        )
