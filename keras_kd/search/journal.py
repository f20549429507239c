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
    """

    def __init__(self, tuner, on_trial=None):
        self.oracle = tuner.oracle
        self.path = pathlib.Path(tuner.project_dir, NAME)
        self._on_trial = on_trial
        self._create = self.oracle.create_trial
        self._end = self.oracle.end_trial
        self.oracle.create_trial = self.create_trial
        self.oracle.end_trial = self.end_trial
        # Without its own file keras-tuner does not look at any other.
        tuner.save()
        self.write()

    def create_trial(self, tuner_id):
        trial = self._create(tuner_id)
        if trial.status == "RUNNING":
            self.write()
        return trial

    def end_trial(self, trial):
        """Ends a trial once, also where two workers have run it.

        A worker that outlives its chief ends a trial that the next chief has
        planned again.
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
        self._end(trial)
        self.write()
        if self._on_trial is not None:
            self._on_trial(oracle.trials[trial.trial_id])

    def write(self):
        """Writes the whole state."""
        state = {
            "oracle": self.oracle.get_state(),
            "trials": {
                trial_id: trial.get_state()
                for trial_id, trial in self.oracle.trials.items()
            },
        }
        files.write_json(self.path, sealed(state))


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
