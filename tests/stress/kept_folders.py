"""Folders of each kind that the library writes, and how it goes on in them."""

import contextlib
import dataclasses
import functools
import io
import pathlib
from collections.abc import Callable
from unittest import mock

import keras
import numpy as np

import keras_kd
from keras_kd import transfer_sets
from tests import support
from tests.cli import small_jobs
from tests.conformance import procedure_rows
from tests.conformance import procedure_runs
from tests.search import scored
from tests.stress import cache_writer
from tests.stress import folder_users
from tests.stress import kept_models


@dataclasses.dataclass(frozen=True)
class Kind:
    """Something that is kept, and taken up again.

    Attributes:
        use: Begins or goes on in a folder. Returns the result: a structure of
            arrays, numbers and text.
        make: Fills a new folder. `None`, the default, is `use`.
        unread: Regular expression for the paths of files that may not be
            needed any more. A change may then go unnoticed, but not unharmed.
        of_keras: Whether Keras itself reads the files: then any error will do,
            and needs no name.
    """

    use: Callable
    make: Callable | None = None
    unread: str = r"(.*/)?lock"
    of_keras: bool = False

    def fill(self, folder):
        (self.make or self.use)(folder)


def procedure(name, folder, **kwargs):
    row = dict(procedure_rows.NAMED_ROWS)[name]
    teacher = row.make_teacher()
    made = row.run(teacher, directory=folder, **kwargs)
    weights = [student.get_weights() for student in row.students(made)]
    return dict(made.histories), weights


def interrupted(name, folder):
    """Leaves a procedure in its last stage, with a backup where there is one.

    That is in the second epoch of its second stage, or the third of its only
    one.
    """
    row = dict(procedure_rows.NAMED_ROWS)[name]
    left = {
        "co_training": 6,
        "data_distillation": 3,
        "data_free": 3,
        "sequence_distillation": 3,
    }
    with contextlib.suppress(KeyboardInterrupt):
        stop = support.Interrupt(left.get(row.name, 4))
        procedure(name, folder, callbacks=[stop])
        raise AssertionError("Nothing was interrupted.")


def cache(folder, **options):
    """A cache with two fields, read beside its examples."""
    x, _ = support.data(20)
    keras.utils.set_random_seed(0)
    teacher = support.dense(8, classes=5, name="teacher")
    cached = keras_kd.teachers.cache_teacher(
        teacher,
        x,
        folder,
        batch_size=4,
        examples_per_shard=4,
        verbose=0,
        **options,
    )
    return rows(cached, x)


def rows(cached, x):
    found = cached.attach(x).batch(4).as_numpy_iterator()
    return list(found)


def cache_of_views(folder):
    cache_writer.write(folder)
    return opened_cache(folder)


def opened_cache(folder, **kwargs):
    x = np.random.default_rng(0).normal(size=(cache_writer.EXAMPLES, 4))
    cached = keras_kd.teachers.CachedTeacher(
        folder, augmentation=cache_writer.shifted, **kwargs
    )
    return rows(cached, x.astype("float32"))


def unfinished_cache(folder):
    """As after a kill."""
    cache(folder, top_k=2, taps=["hidden"])
    (folder / "manifest.json").unlink()
    sorted(folder.glob("*.tfrecord"))[2].unlink()


def records(folder):
    teacher = procedure_runs.teacher()
    path = folder / "records.npz"
    if not path.exists():
        transfer_sets.activation_records(
            teacher=teacher, data=support.data(60)
        ).save(path)
    found = transfer_sets.load_records(path, teacher)
    return dict(found.arrays), found.layers


def job(folder, **settings):
    outcome, _ = small_jobs.run(folder / "job", seeds=1, **settings)
    history = (folder / "job" / "history.csv").read_text()
    student = keras.saving.load_model(folder / "job" / "student.keras")
    return (
        outcome.gain.mean,
        outcome.teacher_accuracy,
        history,
        student.get_weights(),
    )


def cached_job(folder):
    return job(folder, cache=str(folder / "cache"))


def cache_job(folder):
    cached, _ = small_jobs.cache(folder)
    return cached.num_examples, cached.fingerprint().hex()


def search_job(folder):
    found, _ = small_jobs.search(folder, max_trials=2)
    scores = [(one.score, one.knobs) for one in found.results]
    student = keras.saving.load_model(folder / "student.keras")
    return found.accuracy, scores, student.get_weights()


def search(folder, before=lambda count: None, **kwargs):
    tuner = scored.make_tuner(
        folder, scored.Scored(before), say=lambda line: None, **kwargs
    )
    scored.run(tuner)
    found = keras_kd.search.results(folder / "search")
    return [(one.trial_id, one.score, one.knobs, one.costs) for one in found]


def interrupted_search(folder):
    def stop(count):
        if count == 3:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        search(folder, stop)


def hyperband(folder, on_trial=None):
    """A search that goes on with models of earlier trials."""

    def build(hp):
        model = support.dense(4)
        rate = hp.Float("rate", 0.01, 0.1)
        model.compile(keras.optimizers.Adam(rate), support.cross_entropy())
        return model

    keras.utils.set_random_seed(0)
    tuner = keras_kd.search.make_tuner(
        "hyperband",
        build,
        objective="val_loss",
        directory=folder,
        max_epochs=4,
        factor=2,
        max_trials=7,
        seed=1,
        on_trial=on_trial,
        say=lambda line: None,
    )
    data = support.data()
    with mock.patch("gc.collect"):
        tuner.search(*data, validation_data=data, verbose=0, shuffle=False)
    trials = keras_kd.search.results(tuner)
    (best,) = tuner.get_best_models()
    return [(one.trial_id, one.knobs) for one in trials], best.get_weights()


def interrupted_hyperband(folder):
    def stop(trial):
        if trial.trial_id == "0003":
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        hyperband(folder, stop)


_NAMES = [row.name for row in procedure_rows.ROWS]
# Of a finished stage, its weights and its history are read.
_OF_STAGES = r"(.*/)?lock|[^/]+/(log|best\.weights)\..*"
# The journal has all of the trials, but the model of the best; and of those
# that hyperband goes on with.
_OF_TRIALS = r"(.*/)?(lock|tuner0\.json|trial_\d+(/.*)?)"
# Of a cache, once it is finished, only the teacher of the job is read.
_OF_A_CACHE = r"(.*/)?(lock|(teacher_)?cache/state(/.*(npz|json|digests))?)"
KINDS = (
    {
        f"{name}_finished": Kind(
            functools.partial(procedure, name), unread=_OF_STAGES
        )
        for name in _NAMES
    }
    | {
        f"{name}_interrupted": Kind(
            functools.partial(procedure, name),
            functools.partial(interrupted, name),
            unread=_OF_STAGES,
        )
        for name in _NAMES
    }
    | {
        "experiment": Kind(folder_users.experiment),
        "reconstruction": Kind(folder_users.reconstruction),
        "cache_of_views": Kind(cache_of_views),
        "cache_opened": Kind(opened_cache, cache_of_views),
        "cache_of_taps": Kind(functools.partial(cache, taps=["hidden"])),
        "cache_top_k": Kind(functools.partial(cache, top_k=2)),
        "cache_unfinished": Kind(
            functools.partial(cache, top_k=2, taps=["hidden"]),
            unfinished_cache,
        ),
        "records": Kind(records),
        "command": Kind(job),
        "command_with_cache": Kind(cached_job, unread=_OF_A_CACHE),
        "command_cache": Kind(cache_job),
        "command_search": Kind(
            search_job, unread=f"{_OF_TRIALS}|{_OF_A_CACHE}"
        ),
        "search_hyperband": Kind(hyperband, unread=_OF_TRIALS),
        "search_hyperband_interrupted": Kind(
            hyperband, interrupted_hyperband, unread=_OF_TRIALS
        ),
        "search": Kind(search, unread=_OF_TRIALS),
        "search_with_limits": Kind(
            functools.partial(
                search, limits=keras_kd.search.Limits(max_parameters=9)
            ),
            unread=_OF_TRIALS,
        ),
        "search_interrupted": Kind(
            search, interrupted_search, unread=_OF_TRIALS
        ),
        "backup": Kind(kept_models.train, kept_models.interrupted_training),
        "student_checkpoint": Kind(
            kept_models.load, kept_models.saved_student, of_keras=True
        ),
    }
    | {
        make.__name__: Kind(
            functools.partial(kept_models.load, name="model.keras"),
            functools.partial(kept_models.save, make),
            of_keras=True,
        )
        for make in (
            kept_models.distiller,
            kept_models.peers,
            kept_models.ensemble,
        )
    }
    | {
        f"{make.__name__}_weights": Kind(
            functools.partial(kept_models.load_weights, make),
            functools.partial(kept_models.save_weights, make),
            of_keras=True,
        )
        for make in (kept_models.distiller, kept_models.peers)
    }
)


def quietly(function, folder):
    """Runs eagerly, and prints nothing."""
    with support.eagerly(), contextlib.redirect_stdout(io.StringIO()):
        return function(pathlib.Path(folder))
