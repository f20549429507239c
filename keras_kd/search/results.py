"""Results of a search so far, from its tuner or from its folder."""

import dataclasses
import json
import os
import pathlib

import keras_tuner

from keras_kd.search import journal
from keras_kd.search import limits
from keras_kd.search import project

# Entries that keras-tuner's hyperband puts among the values of the knobs.
_OWN = "tuner/"
_EPOCHS = "tuner/epochs"


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """One trial of a search.

    Attributes:
        trial_id: Its name, also that of its folder, after `trial_`.
        number: In the order in which trials began, from 1.
        status: `"COMPLETED"`, `"FAILED"` or `"RUNNING"`, as keras-tuner has it.
        score: The objective, or `None` if there is none.
        knobs: Dict from the names of the knobs that counted to their values.
        epochs: Number of epochs, where the tuner chose it, else `None`.
        message: Why it failed, or `None`.
        sampling: Dict from the names of those knobs that have a range to
            `"log"` or `"linear"`.
        costs: Dict of what the student costs, by `"parameters"`, `"bytes"` and
            `"milliseconds"`, as far as `search.Limits` had them measured.
        is_over: Whether it failed because its student is over a limit.
    """

    trial_id: str
    number: int
    status: str
    score: float | None
    knobs: dict[str, float | str]
    epochs: int | None = None
    message: str | None = None
    sampling: dict[str, str] = dataclasses.field(default_factory=dict)
    costs: dict[str, float] = dataclasses.field(default_factory=dict)
    is_over: bool = False


def results(
    source: keras_tuner.Tuner | str | os.PathLike[str], *, direction: str = ""
) -> list[TrialResult]:
    """Reads all trials of a search, the best first.

    Args:
        source: A tuner, or the folder of a search, `directory/project_name`;
            also one that is still running.
        direction: `"max"` or `"min"`, which score is best. Defaults to what
            the tuner knows, or, with a folder, to the direction of the metric
            whose value the score is.

    Returns:
        List of `TrialResult`: those with a score, from the best to the worst,
        then those without.

    Raises:
        ValueError: If there is no search, its files are damaged, or the
            direction is not known.

    Example:

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> class Parabola(keras_tuner.RandomSearch):
    ...     def run_trial(self, trial, **kwargs):
    ...         x = trial.hyperparameters.Float("x", -1.0, 1.0)
    ...         return {"loss": x**2}
    >>> tuner = Parabola(objective="loss", max_trials=3, directory=folder)
    >>> tuner.search(verbose=0)
    >>> best, *others = keras_kd.search.results(tuner)
    >>> len(others), best.score == best.knobs["x"] ** 2
    (2, True)
    """
    if direction not in ("", "max", "min"):
        raise ValueError(
            '`direction` must be "max" or "min". Received: direction='
            f"{direction!r}."
        )
    if hasattr(source, "oracle"):
        oracle = source.oracle
        if not isinstance(oracle, keras_tuner.Oracle):
            raise ValueError(
                "`source` must be a tuner that keeps the trials, or a folder. "
                "Received: the tuner of a worker, whose chief keeps them. Give "
                "the folder, `directory/project_name`."
            )
        states = [trial.get_state() for trial in oracle.trials.values()]
        order = list(oracle.start_order)
        # An oracle of keras-tuner itself has none.
        costs = getattr(oracle, "costs", {})
        direction = direction or oracle.objective.direction
    else:
        if not isinstance(source, str | os.PathLike):
            raise TypeError(
                "`source` must be a tuner or the folder of a search, "
                "`directory/project_name`. Received: source="
                f"{source!r} of type {type(source).__name__}."
            )
        states, order, costs = _of_folder(source)
    found = [_result(state, order, costs) for state in states]
    scored = [one for one in found if one.score is not None]
    if scored:
        is_max = (direction or _direction(states, source)) == "max"
        scored.sort(key=lambda one: one.score, reverse=is_max)
    rest = [one for one in found if one.score is None]
    return scored + sorted(rest, key=lambda one: one.number)


def _of_folder(source):
    """States of the trials, their names in the order of starts, and costs."""
    is_path = isinstance(source, str | os.PathLike)
    if not (is_path and os.path.isdir(source)):
        raise ValueError(
            "`source` must be a tuner or the folder of a search, "
            f"`directory/project_name`. Received: source={source!r}, which is "
            "none."
        )
    folder = pathlib.Path(source)
    if not (folder / project.ORACLE).exists():
        kept = journal.read(folder / journal.NAME)
        if kept is not None:
            trials, order = kept["trials"], kept["oracle"]["start_order"]
            return list(trials.values()), order, kept.get("costs", {})
    files = sorted(folder.glob(f"trial_*/{project.TRIAL}"))
    try:
        oracle = json.loads((folder / project.ORACLE).read_text("utf-8"))
        states = [json.loads(file.read_text("utf-8")) for file in files]
    except (OSError, ValueError) as error:
        raise ValueError(
            "`source` must be a tuner or the folder of a search, "
            f"`directory/project_name`. Received: source={str(folder)!r}, "
            f"which cannot be read ({error})."
        ) from error
    return states, oracle["start_order"], {}


def _result(state, order, costs):
    hyperparameters = keras_tuner.HyperParameters.from_config(
        state["hyperparameters"]
    )
    values = hyperparameters.values
    trial_id = state["trial_id"]
    is_completed = state["status"] == "COMPLETED"
    knobs = [
        knob
        for knob in hyperparameters.space
        if knob.name in values
        and not knob.name.startswith(_OWN)
        and hyperparameters.is_active(knob)
    ]
    over = limits.over_text(state["message"])
    return TrialResult(
        trial_id=trial_id,
        # A trial that begins just now may not be in the order yet.
        number=1 + (order.index(trial_id) if trial_id in order else len(order)),
        status=state["status"],
        # Of NumPy, in a tuner, and as JSON has it, in a folder.
        score=float(state["score"]) if is_completed else None,
        knobs={knob.name: values[knob.name] for knob in knobs},
        epochs=values.get(_EPOCHS),
        message=state["message"] if over is None else over,
        sampling={
            knob.name: knob.sampling
            for knob in knobs
            if hasattr(knob, "sampling")  # Choices have none.
        },
        costs=dict(costs.get(trial_id, {})),
        is_over=over is not None,
    )


def _direction(states, source):
    """The direction of the metrics that are the score of their trial."""
    found = {
        metric["direction"]
        for state in states
        for metric in state["metrics"]["metrics"].values()
        if any(
            state["score"] in seen["value"] for seen in metric["observations"]
        )
    }
    if len(found) != 1:
        raise ValueError(
            "`direction` must be given, since no single metric of this search "
            f"is its score. Received: source={str(source)!r} without "
            '`direction`. Give "max" or "min".'
        )
    return found.pop()
