"""Oracles of keras-tuner that resume, whose first trial is the default."""

import contextlib
import functools

import keras_tuner

from keras_kd.search.journal import Journal
from keras_kd.search.limits import over_text


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
    """Bayesian optimization, from the default on.

    keras-tuner leaves out trials that failed, and would propose a student that
    is over a limit again and again. Here it counts as no better than the worst.
    """

    def populate_space(self, trial_id):
        with self._over_as_worst():
            return super().populate_space(trial_id)

    @contextlib.contextmanager
    def _over_as_worst(self):
        trials = self.trials.values()
        scores = [one.score for one in trials if one.status == "COMPLETED"]
        worst = min if self.objective.direction == "max" else max
        over = [
            one
            for one in trials
            if one.status == "FAILED" and over_text(one.message) is not None
        ]
        for one in over:
            one.status, one.score = "COMPLETED", worst(scores, default=0.0)
        try:
            yield
        finally:
            for one in over:
                one.status, one.score = "FAILED", None


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
