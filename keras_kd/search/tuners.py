"""Resumable tuners of keras-tuner."""

import inspect
from collections.abc import Callable
from typing import Any

import keras_tuner

from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_callable
from keras_kd._core.kinds import check_flag
from keras_kd._core.kinds import check_json
from keras_kd.metrics.teacher_metric import direction
from keras_kd.search import chief
from keras_kd.search import limits as of_limits
from keras_kd.search import oracles
from keras_kd.search import project
from keras_kd.search.checked_trials import CheckedTrials
from keras_kd.search.checked_trials import ScoredTrials
from keras_kd.search.limited_trials import LimitedTrials
from keras_kd.search.limits import Limits

# What keras-tuner takes as it is, and fails with in the first trial.
_COUNTS = {
    "executions_per_trial",
    "hyperband_iterations",
    "max_consecutive_failed_trials",
    "max_epochs",
}
# keras-tuner treats seed=0 as unset.
_SEED_OF_ZERO = 2**31 - 1


class Tuner(LimitedTrials, ScoredTrials, CheckedTrials, keras_tuner.Tuner):
    """A tuner with a given oracle."""


class Hyperband(ScoredTrials, CheckedTrials, keras_tuner.Hyperband):
    """Hyperband with a given oracle."""

    __init__ = keras_tuner.Tuner.__init__


TUNERS = {
    "random": (Tuner, oracles.RandomOracle),
    "bayesian": (Tuner, oracles.BayesianOracle),
    "hyperband": (Hyperband, oracles.HyperbandOracle),
    "grid": (Tuner, oracles.GridOracle),
}


def make_tuner(
    tuner: str,
    hypermodel: keras_tuner.HyperModel,
    *,
    objective: str | keras_tuner.Objective,
    directory: str,
    max_trials: int | None = None,
    project_name: str = "search",
    overwrite: bool = False,
    limits: Limits | None = None,
    identity: dict[str, Any] | None = None,
    on_trial: Callable[[Any], None] | None = None,
    say: Callable[[str], None] = print,
    **kwargs: Any,
) -> keras_tuner.Tuner:
    """Makes a tuner that keeps all finished trials when interrupted.

    It is the tuner of keras-tuner, with more. The first trial
    is the default setting (but for `"grid"`), so that what is found is no
    worse on the objective; `"hyperband"` judges it by its first few epochs.
    After each trial the whole state is written atomically to one file: a search
    that was killed, at whatever moment, resumes when the same is called again;
    a trial that was cut off starts again with the same values, with a message.
    A search resumes only with the same knobs and the same `identity`; that the
    data and the models are the same is up to you. One process at a time uses
    the folder.

    Among several processes, `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and
    `KERASTUNER_ORACLE_PORT` name the chief, as for keras-tuner. A worker
    that died is to be started again under its name: the chief waits for it.

    Args:
        tuner: `"random"`, `"bayesian"`, `"hyperband"` or `"grid"`.
        hypermodel: What to search, such as a `DistillationHyperModel`.
        objective: Key of the logs, such as `"val_accuracy"`, or a
            `keras_tuner.Objective`, which has a direction too. Of losses of a
            `Distiller` and metrics of `keras_kd` the direction is known.
        directory: Folder for the search; other processes use the same.
        max_trials: Integer >= 1, how many settings to try. `None`, the
            default, leaves it to the tuner: 10 for random and bayesian, all
            for the others.
        project_name: Name of the folder within `directory`. Defaults to
            `"search"`.
        overwrite: Whether to begin from scratch, and delete the search that is
            there. A folder that holds anything else is an error.
            Defaults to `False`.
        limits: A `Limits` on what the student of a trial may cost: its
            parameters, bytes or milliseconds. The student is that of the
            `Distiller` that the hypermodel makes, or the model itself. Not for
            `"hyperband"`. Defaults to `None`.
        identity: Dict that JSON can hold, of what else tells this search from
            others, such as a name of the data. Defaults to `None`.
        on_trial: Called with a `keras_tuner.engine.trial.Trial` after it has
            ended, in the process that keeps the state. Defaults to `None`.
        say: Takes a line for the user. Defaults to `print`.
        **kwargs: Passed to the class of keras-tuner: `max_epochs` for
            hyperband, `seed`, `executions_per_trial`,
            `distribution_strategy` and others.

    Returns:
        A `keras_tuner.Tuner`.

    Raises:
        TypeError: If an argument is not of the type above.
        ValueError: If `tuner` is unknown, or `"hyperband"` with `limits`; if
            the students cannot be measured; if another process uses the folder;
            if it has files of the names of a search that are none, a search
            with other knobs or limits, of another `identity` or of an older
            version, or a damaged journal; if it is the chief, and its port is
            taken. In `search`, if all students are over a limit.
        TimeoutError: If this process is a worker and no chief answers.
        keras_tuner.errors.FatalValueError: In `search`, after the first trial,
            if its logs do not have the objective.

    Example:

    >>> import tempfile
    >>> tuner = keras_kd.search.make_tuner(
    ...     "random",
    ...     lambda hp: keras.Sequential([keras.layers.Dense(3)]),
    ...     objective="val_loss",
    ...     max_trials=4,
    ...     directory=tempfile.mkdtemp(),
    ... )
    >>> tuner.remaining_trials
    4
    """
    if tuner not in tuple(TUNERS):
        raise ValueError(
            f"`tuner` must be one of {', '.join(map(repr, TUNERS))}. Received: "
            f"tuner={tuner!r}."
        )
    check_flag("overwrite", overwrite, "whether the search there is deleted")
    if not isinstance(project_name, str):
        raise TypeError(
            "`project_name` must be a string, the name of a folder. Received: "
            f"project_name={project_name!r}."
        )
    if limits is not None:
        _check_limits(limits, tuner, hypermodel)
    check_callable("say", say, "of a line of text")
    if on_trial is not None:
        check_callable("on_trial", on_trial, "of a trial that has ended")
    if identity is not None:
        check_json("identity", identity)
    check_count("max_trials", max_trials, "settings to try", is_optional=True)
    check_count("seed", kwargs.get("seed"), "one search", 0, is_optional=True)
    for name in _COUNTS & kwargs.keys():
        check_count(name, kwargs[name], "epochs or trainings")
    chief.check()
    tuner_class, oracle_class = TUNERS[tuner]
    names = inspect.signature(oracle_class).parameters
    if chief.is_worker():
        chief.wait()
    else:
        folder = project.open_folder(
            directory, project_name, identity, overwrite, limits
        )
        # With it, keras-tuner would read its own files.
        folder.remove_file(f"{chief.own_id()}.json")
    if max_trials is not None and "max_trials" in names:
        kwargs["max_trials"] = max_trials
    if kwargs.get("seed") == 0:
        kwargs["seed"] = _SEED_OF_ZERO
    own = {name: kwargs.pop(name) for name in names if name in kwargs}
    made = tuner_class(
        oracle_class(_directed(objective, hypermodel), **own),
        hypermodel,
        directory=str(directory),
        project_name=project_name,
        **kwargs,
    )
    made.limits = limits
    if chief.is_worker():
        chief.make_patient(made.oracle, say)
        return made
    if max_trials is not None:
        made.oracle.max_trials = max_trials
    # Locked as long as the tuner lives; keras-tuner keeps every oracle.
    made.run_folder = folder
    for line in made.oracle.begin(folder.path, on_trial):
        say(line)
    if chief.is_chief():
        chief.end_when_over(made, say)
    return made


def _check_limits(limits, tuner, hypermodel):
    if not isinstance(limits, Limits):
        raise TypeError(
            "`limits` must be a `search.Limits`. Received: limits="
            f"{limits!r} of type {type(limits).__name__}."
        )
    if tuner == "hyperband":
        raise ValueError(
            '`tuner` must be another than "hyperband" with `limits`, since '
            "scores after different numbers of epochs say nothing on the size "
            "of a student, and its rounds wait for trials that are over a "
            'limit. Received: tuner="hyperband". Take "bayesian".'
        )
    student = of_limits.student_of(_default_model(hypermodel))
    of_limits.check_measurable(student, limits)


def _default_model(hypermodel):
    build = getattr(hypermodel, "build", hypermodel)
    return build(keras_tuner.HyperParameters())


def _directed(objective, hypermodel):
    """An objective with its direction, where it is one of a Distiller."""
    infer = keras_tuner.engine.metrics_tracking.infer_metric_direction
    if not isinstance(objective, str) or infer(objective) is not None:
        return objective
    model = _default_model(hypermodel)
    found = direction(getattr(model, "metrics", ()), objective)
    return (
        objective if found is None else keras_tuner.Objective(objective, found)
    )
