"""Writes the search state atomically.

keras-tuner writes a file for each trial and one for the whole, one after the
other and in place: a kill in between leaves inconsistent or empty files.
"""

import hashlib
import json
import pathlib

from keras_kd._core import files

NAME = "journal.json"


class Journal:
    """Saves the state of a tuner after each change.

    Args:
        tuner: A `keras_tuner.Tuner` that keeps the state itself.
        on_trial: Called with each trial that has ended, or `None`.

    Attributes:
        is_over: Whether all processes that searched here have been told that
            there are no more trials, with this number of them.
        was_asked: Whether a process has asked this one for a trial.
    """

    def __init__(self, tuner, on_trial=None):
        self.oracle = tuner.oracle
        self.path = pathlib.Path(tuner.project_dir, NAME)
        kept = read(self.path) or {}
        self.is_over = kept.get("over_after", 0) == self._limit()
        self.was_asked = False
        # Metrics of trials that have not ended, in the form of keras-tuner.
        self._reported = kept.get("reported", {})
        self._on_trial = on_trial
        self._create = self.oracle.create_trial
        self._update = self.oracle.update_trial
        self._end = self.oracle.end_trial
        self.oracle.create_trial = self.create_trial
        self.oracle.update_trial = self.update_trial
        self.oracle.end_trial = self.end_trial
        # Without its own file keras-tuner does not look at any other.
        tuner.save()
        self.write()

    def create_trial(self, tuner_id):
        self.was_asked = True
        trial = self._create(tuner_id)
        if trial.status == "STOPPED":
            self.is_over = not self.oracle.tuner_ids
        if trial.status in ("RUNNING", "STOPPED"):
            self.write()
        return trial

    def update_trial(self, trial_id, *args, **kwargs):
        trial = self._update(trial_id, *args, **kwargs)
        self._reported[trial_id] = trial.metrics.get_config()
        self.write()
        return trial

    def end_trial(self, trial):
        """Ends a trial once, also where two workers have run it.

        A worker that outlives its chief ends a trial that the next chief has
        planned again, and does not report its metrics twice.
        """
        oracle = self.oracle
        if trial.trial_id in oracle.end_order:
            for tuner_id, other in list(oracle.ongoing_trials.items()):
                if other.trial_id == trial.trial_id:
                    oracle.ongoing_trials.pop(tuner_id)
            return
        waiting = oracle.get_state()["retry_queue"]
        if trial.trial_id in waiting:
            waiting.remove(trial.trial_id)
        reported = self._reported.pop(trial.trial_id, None)
        known = oracle.trials[trial.trial_id]
        if reported and not known.metrics.exists(oracle.objective.name):
            known.metrics = type(known.metrics).from_config(reported)
        self._end(trial)
        self.write()
        if self._on_trial is not None:
            self._on_trial(oracle.trials[trial.trial_id])

    def write(self):
        """Writes the whole state."""
        state = {
            "over_after": self._limit() if self.is_over else 0,
            "oracle": self.oracle.get_state(),
            "reported": self._reported,
            "trials": {
                trial_id: self._state(trial)
                for trial_id, trial in self.oracle.trials.items()
            },
        }
        files.write_json(self.path, sealed(state))

    def _state(self, trial):
        """State of a trial, without metrics if it may have to start again.

        keras-tuner ignores what a trial reports that has metrics.
        """
        state = trial.get_state()
        if trial.trial_id in self._reported:
            state["metrics"] = type(trial.metrics)().get_config()
        return state

    def _limit(self):
        return self.oracle.max_trials or "all"


def sealed(state):
    """A state with a digest of it.

    Args:
        state: What JSON can hold.

    Returns:
        A dict, for `read`.
    """
    # What JSON makes of it, such as lists of tuples.
    state = json.loads(json.dumps(state))
    return {"digest": _digest(state), "state": state}


def read(path):
    """Reads the file of a `Journal`; `None` if there is no file.

    Args:
        path: Path of the file.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        content = files.read_json(path)
        if content is None:
            return None
        state, digest = content["state"], content["digest"]
    except (ValueError, KeyError, TypeError):
        state, digest = None, ""
    if state is None or _digest(state) != digest:
        raise ValueError(
            f"The journal of the search must be as it was written, but {path} "
            "is damaged. Remove it to go on from the files of keras-tuner "
            "beside it, or begin anew with `overwrite=True`."
        )
    return state


def _digest(state):
    text = json.dumps(state, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
