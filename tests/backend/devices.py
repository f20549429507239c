"""Trains on one device of JAX, and on two by `keras.distribution`.

A program: `python -m tests.backend.devices FILE`, with two devices, writes
`FILE`, an npz with the weights and logs of each training under
`one/name/number` and `two/name/number`, and under `refused/use` the sentence
on what two devices cannot do.
"""

import contextlib
import sys

import keras
import numpy as np

import keras_kd
from tests import support
from tests.backend import trainings

# All losses, batch normalisation, and peers.
TRAININGS = {
    "every_loss": lambda: trainings.all_losses()[1],
    **{n: trainings.TRAININGS[n] for n in ("images", "in_turn", "stale")},
}


def teacher():
    """A teacher with seeds and moving means, made outside of a distribution."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu", name="hidden"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3),
        ],
        name="teacher",
    )


def made(outside, student=None):
    return keras_kd.Distiller(
        teacher=outside,
        student=student or support.dense(5, name="student"),
        distillation_losses=keras_kd.losses.SoftTargets(3.0),
    )


def train_all(scope):
    outside = teacher()
    with scope:
        found = {name: train() for name, train in TRAININGS.items()}
        distiller = trainings.compiled(made(outside))
        found["teacher"] = trainings.result(distiller, *trainings.vectors())
    return found


class Batches(keras.utils.PyDataset):
    """Batches of four rows and of three."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.ones((4 - index, 4), "float32")


def refusals(scope):
    """Yields uses that are refused on two devices, each with the error."""
    outside = support.dense(5, name="outside")
    with scope:
        inside = made(teacher())
        inside.compile("sgd")
        fit = inside.fit
        even, uneven = np.ones((8, 4)), np.ones((9, 4))
        attempts = {
            "arrays": lambda: fit(uneven, batch_size=4),
            "size": lambda: fit(even, batch_size=3),
            "validation": lambda: fit(even, validation_data=(uneven,)),
            "batches": lambda: fit(Batches(), verbose=0),
            "evaluate": lambda: inside.evaluate(uneven),
            "predict": lambda: inside.predict(uneven, verbose=0),
            "on_batch": lambda: inside.train_on_batch(uneven),
            "student": lambda: made(teacher(), outside),
        }
        for name, attempt in attempts.items():
            found = "nothing"
            try:
                attempt()
            except ValueError as error:
                found = str(error)
            yield f"refused/{name}", np.asarray(found)


def main(path):
    # The devices divide each batch.
    trainings.EXAMPLES, trainings.BATCH = 12, 4
    trainings.EPOCHS = 1
    devices = keras.distribution.DataParallel()
    found = {
        "one": train_all(contextlib.nullcontext()),
        "two": train_all(devices.scope()),
    }
    arrays = {
        f"{where}/{name}/{number}": array
        for where, by_name in found.items()
        for name, result in by_name.items()
        for number, array in enumerate(result)
    }
    np.savez(path, **arrays, **dict(refusals(devices.scope())))


if __name__ == "__main__":
    main(*sys.argv[1:])
