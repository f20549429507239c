"""Limits on what the students of a search may cost."""

import dataclasses
import math
from typing import Any

import keras
import keras_tuner

from keras_kd._core import costs as model_costs
from keras_kd._core import files
from keras_kd._core import identity
from keras_kd._core import model_specs
from keras_kd._core.arguments import as_float
from keras_kd._core.kinds import check_model

PARAMETERS = "parameters"
BYTES = "bytes"
MILLISECONDS = "milliseconds"
COSTS = (PARAMETERS, BYTES, MILLISECONDS)
# In the folder of a trial: costs of its student.
FILE = "costs"
_OVER = f"{__name__}.OverLimitError: "


class OverLimitError(keras_tuner.errors.FailedTrialError):
    """A student of a trial costs more than a limit: it is not trained."""

    @property
    def message(self):
        """Message of the trial, as keras-tuner keeps it."""
        return message(str(self))


class NoStudentError(ValueError):
    """All students of a search cost more than a limit."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits on what the student of a trial may cost.

    For `search.make_tuner`, which measures each student before it is trained.
    One that is over a limit is not: its trial fails with the numbers, counts
    among `max_trials`, and is no crash, three of which in a row end a search.
    Of what is measured, `search.pareto_front` finds the best student at each
    cost.

    What has no limit is not measured, but for the parameters. Infinity,
    `math.inf`, measures without a limit.

    Args:
        max_parameters: Number of parameters, those that are not trained
            included. `max_model_size` of keras-tuner counts those of the
            whole `Distiller` that are trained. Defaults to `None`.
        max_bytes: Size of the file that `student.save("student.keras")`
            writes, without an optimizer. Defaults to `None`.
        max_milliseconds: Median time of a hundred compiled calls with one
            example, on the machine of the trial. Each architecture is timed
            once; what else the machine does counts. Defaults to `None`.

    Raises:
        ValueError: If a limit is not a positive number.

    Example:

    >>> limits = keras_kd.search.Limits(max_parameters=10_000)
    >>> limits.max_bytes is None
    True
    """

    max_parameters: float | None = None
    max_bytes: float | None = None
    max_milliseconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value is not None and not as_float(value) > 0:
                raise ValueError(
                    f"`{name}` must be a positive number, since no student is "
                    f"below it otherwise. Received: {name}={value!r}. For "
                    "no limit, give None, or math.inf to measure it all the "
                    "same."
                )


def limit(limits, cost):
    """The limit on a cost: infinity where there is none.

    Args:
        limits: A `Limits`.
        cost: One of `COSTS`.
    """
    value = getattr(limits, f"max_{cost}")
    return math.inf if value is None else as_float(value)


def as_dict(limits):
    """Limits by name, for JSON: text where infinite.

    Args:
        limits: A `Limits`.
    """
    return {
        cost: "inf" if limit(limits, cost) == math.inf else limit(limits, cost)
        for cost in COSTS
        if getattr(limits, f"max_{cost}") is not None
    }


def measured(limits):
    """Names of the costs that are measured.

    Args:
        limits: A `Limits`.
    """
    return [c for c in COSTS if c == PARAMETERS or c in as_dict(limits)]


def over(limits, costs):
    """Says of which limits a student is over, or an empty text.

    Args:
        limits: A `Limits`.
        costs: Dict of its costs by name.
    """
    return ", ".join(
        f"{text(cost, value)}, over {limit(limits, cost):,.10g}"
        for cost, value in costs.items()
        if value > limit(limits, cost)
    )


def text(cost, value):
    """A cost for people, such as `"1,234 parameters"`."""
    digits = f"{value:,.3g}" if cost == MILLISECONDS else f"{value:,.0f}"
    return f"{digits} {cost}"


def message(over):
    """The message of a trial, as a traceback ends.

    Args:
        over: See `over`.
    """
    return f"{_OVER}{over}"


def read(folder, trial_id):
    """Reads the costs of a trial; `None` if there is no file.

    Args:
        folder: The `pathlib.Path` of the search.
        trial_id: Name of the trial.

    Returns:
        Dict of `trial`, `architecture`, `costs` and `over`.

    Raises:
        ValueError: If the file is damaged, or that of another trial.
    """
    path = folder / f"trial_{trial_id}" / FILE
    kept = files.read_sealed(path)
    if kept is not None and kept["trial"] != trial_id:
        raise files.damaged(path)
    return kept


def over_text(message):
    """Says of which limits the student of a trial was over, or `None`.

    Args:
        message: Of the trial, as keras-tuner keeps it, or `None`.
    """
    *_, last = (message or "").strip().splitlines() or [""]
    return last.removeprefix(_OVER) if last.startswith(_OVER) else None


def student_of(model: Any):
    """The student of a Distiller, or a model that is one."""
    return getattr(model, "student", model)


def architecture(student):
    """Digest of a student without the values of its weights."""
    return files.digest_of(identity.of_model(student))


def check_measurable(student, limits):
    """Validates that all that has a limit can be measured.

    Args:
        student: That of the defaults of the knobs.
        limits: A `Limits`.
    """
    check_model("student", student)
    if MILLISECONDS in measured(limits):
        _example(student)


def measure(student, limits):
    """Measures the costs of a student.

    Args:
        student: A built `keras.Model`.
        limits: A `Limits`, which tells what is measured.

    Returns:
        Dict of numbers by names of `COSTS`.
    """
    return {cost: _MEASURES[cost](student) for cost in measured(limits)}


def _milliseconds(student):
    (found,) = model_costs.in_turn([student], _example(student))
    return 1000 * found.median


_MEASURES = {
    PARAMETERS: lambda student: student.count_params(),
    BYTES: model_costs.saved_bytes,
    MILLISECONDS: _milliseconds,
}


def _example(student):
    """One example of zeros, in the structure of a student's input.

    Raises:
        ValueError: If the shape of an input is open, or it has no numbers.
    """
    spec = model_specs.input_spec(student)
    for tensor in keras.tree.flatten(spec):
        if None in tensor.shape[1:] or tensor.dtype == "string":
            raise ValueError(
                "`max_milliseconds` must be left out for students whose input "
                "has an open shape, or texts, since they are timed with an "
                f'example of zeros. Received: student="{student.name}" of an '
                f"input of shape {tuple(tensor.shape)} and type "
                f"{tensor.dtype}. Give `keras.Input` a whole shape, or limit "
                "the parameters."
            )
    return keras.tree.map_structure(
        lambda t: keras.ops.zeros((1, *t.shape[1:]), t.dtype), spec
    )
