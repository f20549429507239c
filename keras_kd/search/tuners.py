"""Resumable tuners of keras-tuner, whose first trial is the default."""

import functools
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
from keras_kd.search import project
from keras_kd.search.checked_trials import CheckedTrials
from keras_kd.search.checked_trials import ScoredTrials
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


class DefaultFirst(Journal):
    """Gives the first trial the default of every knob.

    Knobs of the oracle's own, such as the epochs of hyperband, keep their
    values.
    """

    def populate_space(self, trial_id):
        response = super().populate_space(trial_id)
        if not self.trials and response.get("values") is not None:
            response["values"] |= default_values(self.get_space())
        return response


class RandomOracle(DefaultFirst, keras_tuner.oracles.RandomSearchOracle):
    """Random search, from the default on."""


class BayesianOracle(
    DefaultFirst, keras_tuner.oracles.BayesianOptimizationOracle
):
    """Bayesian optimization, from the default on."""


class HyperbandOracle(DefaultFirst, keras_tuner.oracles.HyperbandOracle):
    """Hyperband, from the default on."""


class GridOracle(Journal, keras_tuner.oracles.GridSearchOracle):
    """Grid of keras-tuner, which resumes after an interruption.

    keras-tuner 1.4.8 keeps the order of its trials in two attributes that it
    does not save: a resumed search ends with a `KeyError`. Both follow from the
    trials.
    """

    def set_state(self, state):
        super().set_state(state)
        in_order = sorted(
            self.trials.values(),
            key=functools.cmp_to_key(
                lambda first, second: self._compare(
                    first.hyperparameters.values, second.hyperparameters.values
                )
            ),
        )
        for trial in in_order:
            self._ordered_ids.insert(trial.trial_id)
        # Each is asked for its neighbour again, which it may have by now.
        self._populate_next = list(self.end_order)


class Tuner(ScoredTrials, CheckedTrials, keras_tuner.Tuner):
    """A tuner with a given oracle."""


class Hyperband(ScoredTrials, CheckedTrials, keras_tuner.Hyperband):
    """Hyperband with a given oracle."""

    __init__ = keras_tuner.Tuner.__init__


TUNERS = {
    "random": (Tuner, RandomOracle),
    "bayesian": (Tuner, BayesianOracle),
    "hyperband": (Hyperband, HyperbandOracle),
    "grid": (Tuner, GridOracle),
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
        ValueError: If `tuner` is unknown; if another process uses the folder;
            if it has files of the names of a search that are none, a search
            with other knobs, of another `identity` or of an older version, or
            a damaged journal; if it is the chief, and its port is taken.
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
            directory, project_name, identity, overwrite
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


def _directed(objective, hypermodel):
    """An objective with its direction, where it is one of a Distiller."""
    infer = keras_tuner.engine.metrics_tracking.infer_metric_direction
    if not isinstance(objective, str) or infer(objective) is not None:
        return objective
    build = getattr(hypermodel, "build", hypermodel)
    model = build(keras_tuner.HyperParameters())
    found = direction(getattr(model, "metrics", ()), objective)
    return (
        objective if found is None else keras_tuner.Objective(objective, found)
    )


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
