"""Trainings by losses that a Distiller serves more than two tensors."""

import functools
import pathlib
import tempfile

import keras
import numpy as np

from tests import mechanisms
from tests import support


def by_name(compiled, result, vectors):
    """Functions that train, as `trainings.TRAININGS` has them.

    Args:
        compiled: `trainings.compiled`.
        result: `trainings.result`.
        vectors: `trainings.vectors`.
    """

    def train(name):
        x, y, weights = vectors()
        # Some leave the pairs.
        weights[::4] = 0
        return result(compiled(mechanisms.distiller(name)), x, y, weights)

    return {
        name: functools.partial(train, name) for name in mechanisms.MECHANISMS
    } | {"resumed": functools.partial(_resumed, compiled, vectors)}


def _resumed(compiled, vectors):
    """How far a run with random masks is from one that was interrupted."""
    x, y, _ = vectors()

    def made():
        return compiled(mechanisms.distiller("masks"), metrics=False)

    whole, begun = made(), made()
    for one, steps in ((whole, 4), (begun, 2)):
        for _ in range(steps):
            one.train_on_batch(x, y)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "begun.keras"
        begun.save(path)
        again = keras.saving.load_model(path)
    for _ in range(2):
        again.train_on_batch(x, y)
    apart = [
        support.largest_difference(
            support.values(one.weights), support.values(whole.weights)
        )
        for one in (again, begun)
    ]
    return [np.array([apart[0], float(apart[1] > 0)])]
