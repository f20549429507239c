"""Checks of a search: that trials have a score, and models are whole."""

import pathlib

import keras_tuner

from keras_kd._core import files
from keras_kd.search import project

# Among the values of the knobs: the trial that hyperband goes on with.
_EARLIER = "tuner/trial_id"


class ScoredTrials:
    """Ends a search at the first trial that has no score.

    keras-tuner counts such trials as failed, and returns one of them as best.
    """

    def run_trial(self, trial, *args, **kwargs):
        results = super().run_trial(trial, *args, **kwargs)
        objective = self.oracle.objective
        made = results if isinstance(results, list) else [results]
        for one in made:
            logs = getattr(one, "history", None)
            if logs is not None and not objective.has_value(logs):
                raise _no_score(objective, logs)
        return results


def _no_score(objective, logs):
    remedy = "Name one of these."
    if not any(key.startswith("val_") for key in logs):
        remedy = "Name one of these, or give `validation_data` to `search`."
    return keras_tuner.errors.FatalValueError(
        "`objective` must be a key of the logs, since trials are compared by "
        f"it. Received: objective={objective.name!r}, and logs of "
        f"{', '.join(logs)}. {remedy}"
    )


class CheckedTrials:
    """Lets a tuner notice damaged models of trials, which it loads again.

    keras-tuner loads the weights of a trial for `get_best_models`, and where
    hyperband goes on with a trial.
    """

    def run_trial(self, trial, *args, **kwargs):
        self._check(trial.hyperparameters.values.get(_EARLIER))
        found = super().run_trial(trial, *args, **kwargs)
        digests = self._digests(trial.trial_id)
        if digests:
            kept = {"trial": trial.trial_id, "files": digests}
            folder = self._folder(trial.trial_id)
            files.write_sealed(folder / project.DIGESTS, kept)
        return found

    def load_model(self, trial):
        # The earlier one too, whose weights are loaded before its own.
        self._check(trial.hyperparameters.values.get(_EARLIER))
        self._check(trial.trial_id)
        return super().load_model(trial)

    def _folder(self, trial_id):
        return pathlib.Path(self.project_dir, f"trial_{trial_id}")

    def _digests(self, trial_id):
        paths = [self._folder(trial_id) / name for name in project.MODEL_FILES]
        return {p.name: files.digest(p) for p in paths if p.is_file()}

    def _check(self, trial_id):
        """Validates the files of a trial, if it has noted their digests."""
        path = self._folder(trial_id) / project.DIGESTS
        try:
            kept = files.read_sealed(path)
            if kept is None:
                return
            if kept.get("trial") != trial_id:
                raise files.damaged(path)
            now = self._digests(trial_id)
            for name, digest in kept["files"].items():
                if now.get(name) != digest:
                    raise files.damaged(path.with_name(name))
        except ValueError as error:
            # Any other error would only end the trial that loads it.
            raise keras_tuner.errors.FatalValueError(
                f"The model of a trial is damaged. {error} Restore it from a "
                "copy, or begin anew with `overwrite=True`."
            ) from error
