"""A search whose trials cost nothing: the score is a formula."""

from unittest import mock

import keras
import keras_tuner

from keras_kd import search

# Best at 3; the default is 1.
KNOB = search.Range(0.0, 4.0, default=1.0)


class Scored(keras_tuner.HyperModel):
    """Scores a number.

    Args:
        before: Called with the number of trials that this object has run,
            before each.
    """

    def __init__(self, before=lambda count: None):
        super().__init__()
        self.count = 0
        self.before = before

    def build(self, hp):
        self.value = KNOB.choose(hp, "number")
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile()
        return model

    def fit(self, hp, model, *args, **kwargs):
        self.before(self.count)
        self.count += 1
        return {"score": -((hp.get("number") - 3.0) ** 2)}


def make_tuner(folder, hypermodel, tuner="random", **kwargs):
    """A tuner of that search."""
    return search.make_tuner(
        tuner,
        hypermodel,
        objective=keras_tuner.Objective("score", "max"),
        directory=folder,
        **{"max_trials": 5, "seed": 3} | kwargs,
    )


def values(tuner):
    """The number of each trial, by its name."""
    return {
        name: trial.hyperparameters.values["number"]
        for name, trial in tuner.oracle.trials.items()
    }


def statuses(tuner):
    return [trial.status for trial in tuner.oracle.trials.values()]


def run(tuner):
    """Searches without the two rounds of garbage collection in each trial.

    With all of TensorFlow in memory they take longer than everything else.
    """
    with mock.patch("gc.collect"):
        tuner.search(verbose=0)
