"""Resumable grid search."""

import functools

import keras_tuner

from keras_kd.search.journal import Journal


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
