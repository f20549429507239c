"""Whole state of a search in one file, written atomically."""

import pathlib

import keras_tuner

from keras_kd._core import files
from keras_kd.search import limits

NAME = "journal.json"


class Journal:
    """Lets an oracle of keras-tuner keep its whole state in one file.

    It stands in front of a class of keras-tuner. That writes a file for each
    trial and one for the whole, one after the other and in place: a kill in
    between leaves inconsistent or empty files. Those of the trials are still
    written, and never read.

    Attributes:
        path: Of the file.
        on_trial: Called with each trial that has ended, or `None`.
        is_over: Whether all processes that searched here have been told that
            there are no more trials, with this number of them.
        was_asked: Whether a process has asked this one for a trial.
        costs: Dict of the costs of the students by trial, as far as measured.
    """

    path = None
    on_trial = None
    is_over = False
    was_asked = False
    _space = ()

    def begin(self, folder, on_trial=None):
        """Begins a search, or takes up the one that is in a folder.

        Args:
            folder: The `pathlib.Path` of the search.
            on_trial: See the attribute. Defaults to `None`.

        Returns:
            List of lines for the user: the trials that were cut off.

        Raises:
            ValueError: If the journal is damaged, or is that of other knobs.
        """
        self.path = folder / NAME
        self.on_trial = on_trial
        # Metrics of trials that have not ended, in the form of keras-tuner.
        self._reported = {}
        self.costs = {}
        self._space = [knob.get_config() for knob in self.get_space().space]
        kept = read(self.path)
        waiting = self._take_up(kept) if kept and kept["trials"] else []
        self.save()
        return [
            f"Trial {trial_id} was cut off: it starts again with the same "
            "values."
            for trial_id in waiting
        ]

    def _take_up(self, kept):
        """Sets the state of a journal; returns the trials to start again."""
        self._check_space(kept["space"])
        state = kept["oracle"]
        waiting = [
            trial_id
            for trial_id in dict.fromkeys(
                [*state["retry_queue"], *state["ongoing_trials"].values()]
            )
            if trial_id not in state["end_order"]
        ]
        self.trials = {
            trial_id: keras_tuner.engine.trial.Trial.from_state(trial)
            for trial_id, trial in kept["trials"].items()
        }
        self._reported = kept["reported"]
        # Searches of older versions have none.
        self.costs = kept.get("costs", {})
        self.set_state(
            state | {"ongoing_trials": {}, "retry_queue": list(waiting)}
        )
        self.is_over = kept["over_after"] == self._limit()
        return waiting

    def _check_space(self, before):
        """Validates that a resumed search has the same knobs.

        Trials of other ranges would count as trials of these.
        """
        now = files.as_json(self._space)
        other = [knob for knob in before if knob not in now]
        other += [knob for knob in now if knob not in before]
        if other:
            names = sorted({knob["name"] for knob in other})
            raise ValueError(
                "The knobs must be those of the search that is there, since "
                "its trials count. Received: other values or conditions of "
                f"{', '.join(names)}, and a search in "
                f"{str(self.path.parent)!r}. Name another `project_name`, or "
                "begin anew with `overwrite=True`."
            )

    @keras_tuner.synchronized
    def create_trial(self, tuner_id):
        self.was_asked = True
        trial = super().create_trial(tuner_id)
        if trial.status == "STOPPED":
            self.is_over = not self.tuner_ids
            self.save()
        return trial

    @keras_tuner.synchronized
    def update_trial(self, trial_id, metrics, step=0):
        trial = super().update_trial(trial_id, metrics, step)
        self._reported[trial_id] = trial.metrics.get_config()
        self.save()
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial):
        """Ends a trial once, also where two workers have run it.

        A worker that outlives its chief ends a trial that the next chief has
        planned again, and does not report its metrics twice.
        """
        trial_id = trial.trial_id
        if trial_id in self.end_order:
            for tuner_id, other in list(self.ongoing_trials.items()):
                if other.trial_id == trial_id:
                    self.ongoing_trials.pop(tuner_id)
            return
        waiting = self.get_state()["retry_queue"]
        if trial_id in waiting:
            waiting.remove(trial_id)
        self._take_costs(trial)
        reported = self._reported.pop(trial_id, None)
        known = self.trials[trial_id]
        if reported and not known.metrics.exists(self.objective.name):
            known.metrics = type(known.metrics).from_config(reported)
        super().end_trial(trial)
        if self.on_trial is not None:
            self.on_trial(known)

    def _take_costs(self, trial):
        """Takes what the process of a trial has measured.

        keras-tuner sends no messages from one process to the other.
        """
        found = limits.read(self.path.parent, trial.trial_id)
        if found is None:
            return
        self.costs[trial.trial_id] = found["costs"]
        if found["over"]:
            trial.message = limits.message(found["over"])

    def _check_consecutive_failures(self):
        """Ends the search where several trials in a row have crashed.

        keras-tuner 1.4.8 counts all that failed, also those over a limit.
        """
        ended = self.end_order
        self.end_order = [
            trial_id
            for trial_id in ended
            if limits.over_text(self.trials[trial_id].message) is None
        ]
        try:
            super()._check_consecutive_failures()
        finally:
            self.end_order = ended

    def save(self):
        """Writes the whole state, in place of a part of it."""
        state = {
            "over_after": self._limit() if self.is_over else 0,
            "space": self._space,
            "oracle": self.get_state(),
            "reported": self._reported,
            "costs": self.costs,
            "trials": {
                trial_id: self._state(trial)
                for trial_id, trial in self.trials.items()
            },
        }
        files.write_sealed(self.path, state)

    def reload(self):
        """Reads nothing: what is there is taken up by `begin`."""

    def _state(self, trial):
        """State of a trial, without metrics if it may have to start again.

        keras-tuner ignores what a trial reports that has metrics.
        """
        state = trial.get_state()
        if trial.trial_id in self._reported:
            state["metrics"] = type(trial.metrics)().get_config()
        return state

    def _limit(self):
        return self.max_trials or "all"


def read(path):
    """Reads the file of a `Journal`; `None` if there is no file.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        return files.read_sealed(pathlib.Path(path))
    except ValueError as error:
        raise ValueError(
            f"The journal of the search is damaged. {error} Restore it from a "
            "copy, or begin anew with `overwrite=True`."
        ) from error
