"""A hypermodel from two functions."""

import keras_tuner


class FunctionHyperModel(keras_tuner.HyperModel):
    """Builds with one function and trains with another.

    keras-tuner takes a function that builds; this one trains in its own way
    too.

    Args:
        build: From `hp`, the `keras_tuner.HyperParameters`, to a compiled
            model.
        fit: From `(hp, model, **kwargs)`, as for `keras_tuner.HyperModel.fit`,
            to a `History`, or a dict with the objective.
    """

    def __init__(self, build, fit):
        super().__init__()
        self._functions = build, fit

    def build(self, hp):
        """Makes the model of a trial."""
        return self._functions[0](hp)

    def fit(self, hp, model, *args, **kwargs):
        """Trains the model of a trial."""
        return self._functions[1](hp, model, *args, **kwargs)
