"""Trials whose students are measured before they are trained."""

import contextlib
import math
import pathlib

import keras
import keras_tuner

from keras_kd._core import files
from keras_kd.search import limits as of_limits
from keras_kd.search.results import results


class LimitedTrials:
    """Lets a tuner measure students, and train those within the limits.

    Attributes:
        limits: A `Limits`, or `None`: nothing is measured then.
    """

    limits = None
    _checked = None

    def run_trial(self, trial, *args, **kwargs):
        self._check_costs(trial)
        return super().run_trial(trial, *args, **kwargs)

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        # keras-tuner 1.4.8 prints a traceback of all that `run_trial` raises,
        # and knows what to do about other errors.
        with contextlib.suppress(Exception):
            try:
                self._check_costs(trial)
            except of_limits.OverLimitError as error:
                trial.status, trial.message = "FAILED", error.message
                return
        super()._try_run_and_update_trial(trial, *args, **kwargs)

    def search(self, *args, **kwargs):
        super().search(*args, **kwargs)
        # A worker keeps no trials.
        if self.limits and isinstance(self.oracle, keras_tuner.Oracle):
            _check_any(results(self), self.limits)

    def _check_costs(self, trial):
        if self.limits is None or self._checked == trial.trial_id:
            return
        model = self.hypermodel.build(trial.hyperparameters)
        if not isinstance(model, keras.Model):
            return  # keras-tuner says so.
        student = of_limits.student_of(model)
        architecture = of_limits.architecture(student)
        costs = self._known(architecture)
        if costs is None:
            costs = of_limits.measure(student, self.limits)
        over = of_limits.over(self.limits, costs)
        # In the folder that the processes of a search share: the one with the
        # journal, which may be another, takes it from there.
        path = pathlib.Path(self.get_trial_dir(trial.trial_id), of_limits.FILE)
        files.write_sealed(
            path,
            {
                "trial": trial.trial_id,
                "architecture": architecture,
                "costs": costs,
                "over": over,
            },
        )
        if over:
            raise of_limits.OverLimitError(over)
        self._checked = trial.trial_id

    def _known(self, architecture):
        """Costs of an architecture that was in a trial, or `None`.

        Otherwise two trials of one student would differ by the clock's noise,
        and a trial that begins again by the machine's load.
        """
        folder = pathlib.Path(self.project_dir)
        try:
            for path in sorted(folder.glob(f"trial_*/{of_limits.FILE}")):
                trial_id = path.parent.name.removeprefix("trial_")
                kept = of_limits.read(folder, trial_id)
                if kept and kept["architecture"] == architecture:
                    return kept["costs"]
        except ValueError as error:
            # Any other error would only end this trial.
            raise keras_tuner.errors.FatalValueError(
                f"The costs of a trial are damaged. {error} Restore them from "
                "a copy, or begin anew with `overwrite=True`."
            ) from error
        return None


def _check_any(found, limits):
    """Validates that a student was trained, or failed otherwise."""
    if not found or not all(one.is_over for one in found):
        return
    least = ", ".join(
        of_limits.text(cost, min(one.costs[cost] for one in found))
        for cost in of_limits.measured(limits)
    )
    given = [
        f"max_{cost}={of_limits.limit(limits, cost):.10g}"
        for cost in of_limits.measured(limits)
        if of_limits.limit(limits, cost) < math.inf
    ]
    first, *_ = given[0].split("=")
    raise of_limits.NoStudentError(
        f"`{first}` must leave a student to train, since there is nothing to "
        f"find otherwise. Received: {', '.join(given)}, and {len(found)} "
        f"trial{'s' if len(found) > 1 else ''}, each of a student that is over "
        f"it; the least seen: {least}. Raise it, or try smaller students."
    )
