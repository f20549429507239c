"""Resumable tuners of keras-tuner, whose first trial is the default."""

import inspect
import pathlib

import keras_tuner

from keras_kd._core.arguments import check_count
from keras_kd.search import chief
from keras_kd.search import project
from keras_kd.search.grid_oracle import GridOracle
from keras_kd.search.journal import Journal

# What keras-tuner takes as it is, and fails with in the first trial.
_COUNTS = {
    "executions_per_trial",
    "hyperband_iterations",
    "max_consecutive_failed_trials",
    "max_epochs",
}
# keras-tuner treats seed=0 as unset.
_SEED_OF_ZERO = 2**31 - 1


def _grid(hypermodel, *, objective, **kwargs):
    names = inspect.signature(keras_tuner.oracles.GridSearchOracle).parameters
    own = {name: kwargs.pop(name) for name in names if name in kwargs}
    return keras_tuner.Tuner(GridOracle(objective, **own), hypermodel, **kwargs)


TUNERS = {
    "random": keras_tuner.RandomSearch,
    "bayesian": keras_tuner.BayesianOptimization,
    "hyperband": keras_tuner.Hyperband,
    "grid": _grid,
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
    on_trial=None,
    say=print,
    **kwargs,
) -> keras_tuner.Tuner:
    """Makes a tuner that keeps all finished trials when interrupted.

    It is the tuner of keras-tuner, with three things more. The first trial
    is the default setting (but for `"grid"`), so that what is found is no
    worse on the objective; `"hyperband"` judges it by its first few epochs.
    After each trial the whole state is written atomically to one file: a search
    that was killed, at whatever moment, resumes when the same is called again;
    a trial that was cut off starts again with the same values, with a message.
    Damaged files are restored from there, or named. A search resumes only with
    the same knobs; that the data and the models are the same is up to you.

    Among several processes, `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and
    `KERASTUNER_ORACLE_PORT` name the chief, as for keras-tuner. A worker
    that died is to be started again under its name: the chief waits for it.

    Args:
        tuner: `"random"`, `"bayesian"`, `"hyperband"` or `"grid"`.
        hypermodel: What to search, such as a `DistillationHyperModel`.
        objective: Key of the logs, such as `"val_accuracy"`, or a
            `keras_tuner.Objective`, which has a direction too.
        directory: Folder for the search; other processes use the same.
        max_trials: Integer >= 1, how many settings to try. `None`, the
            default, leaves it to the tuner: 10 for random and bayesian, all
            for the others.
        project_name: Name of the folder within `directory`. Defaults to
            `"search"`.
        overwrite: Whether to begin from scratch, and delete the search that is
            there. A folder that holds anything else is an error.
            Defaults to `False`.
        on_trial: Called with a `keras_tuner.engine.trial.Trial` after it has
            ended, in the process that keeps the state. Defaults to `None`.
        say: Takes a line for the user. Defaults to `print`.
        **kwargs: Passed to the class of keras-tuner: `max_epochs` for
            hyperband, `seed`, `executions_per_trial`,
            `distribution_strategy` and others.

    Returns:
        A `keras_tuner.Tuner`.

    Raises:
        ValueError: If `tuner` is unknown; if the folder has something else
            than a search, a search with other knobs, or files that are damaged
            and cannot be restored.
        TimeoutError: If this process is a worker and no chief answers.

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
    if tuner not in TUNERS:
        raise ValueError(
            f"`tuner` must be one of {', '.join(map(repr, TUNERS))}. Received: "
            f"tuner={tuner!r}."
        )
    check_count("max_trials", max_trials, "settings to try", is_optional=True)
    check_count("seed", kwargs.get("seed"), "one search", 0, is_optional=True)
    for name in _COUNTS & kwargs.keys():
        check_count(name, kwargs[name], "epochs or trainings")
    if chief.is_worker():
        chief.wait()
        # The files there are the chief's.
        overwrite = False
    elif overwrite:
        project.check_is_search(pathlib.Path(directory, project_name))
    else:
        for line in project.mend(directory, project_name):
            say(line)
    if max_trials is not None and tuner != "hyperband":
        kwargs["max_trials"] = max_trials
    if kwargs.get("seed") == 0:
        kwargs["seed"] = _SEED_OF_ZERO
    made = TUNERS[tuner](
        hypermodel,
        objective=objective,
        directory=str(directory),
        project_name=project_name,
        overwrite=overwrite,
        **kwargs,
    )
    if chief.is_worker():
        chief.make_patient(made.oracle, say)
        return made
    _check_space(made, directory, project_name)
    if max_trials is not None:
        made.oracle.max_trials = max_trials
    if tuner != "grid":
        start_with_defaults(made.oracle)
    journal = Journal(made, on_trial)
    if chief.is_chief():
        chief.end_when_over(made, journal, say)
    return made


def _check_space(tuner, directory, project_name):
    """Validates that a resumed search has the same knobs.

    keras-tuner would use the old ranges without a word.
    """
    if not tuner.oracle.trials:
        return
    space = tuner.oracle.get_space().space
    before = [knob.get_config() for knob in space]
    now = keras_tuner.HyperParameters()
    tuner.hypermodel.build(now)
    other = {k.name for k in now.space if k.get_config() not in before}
    # What counts under a condition may be missing from the default, and
    # hyperband has knobs of its own.
    other |= {
        knob.name
        for knob in space
        if not (knob.conditions or knob.name.startswith("tuner/"))
        and knob.name not in now.values
    }
    if other:
        raise ValueError(
            "The knobs must be those of the search that is there, since its "
            "trials count. Received: other values or conditions of "
            f"{', '.join(sorted(other))}, and a search in "
            f"{str(directory)!r}, {project_name!r}. Name another "
            "`project_name`, or begin anew with `overwrite=True`."
        )


def start_with_defaults(oracle):
    """Gives the first trial of an oracle the default of every knob.

    Args:
        oracle: A `keras_tuner.Oracle`. Knobs of its own, such as the epochs
            of hyperband, keep their values.
    """
    populate = oracle.populate_space

    def populate_space(trial_id):
        response = populate(trial_id)
        if not oracle.trials and response.get("values") is not None:
            response["values"] |= default_values(oracle.get_space())
        return response

    oracle.populate_space = populate_space


def default_values(hyperparameters):
    """The defaults of all knobs that count together.

    Args:
        hyperparameters: `keras_tuner.HyperParameters`.
    """
    defaults = keras_tuner.HyperParameters()
    for knob in hyperparameters.space:
        defaults.merge([knob])
        if defaults.is_active(knob):
            defaults.values[knob.name] = knob.default
    return dict(defaults.values)
