"""Trains with callbacks, from weights that are the same on every backend.

A program: `KERAS_BACKEND=jax python -m tests.backend.callback_trainings FOLDER`
writes `FOLDER/jax.npz`, the arrays of each training under `name/number`.
"""

import contextlib
import pathlib
import sys
import tempfile

import keras
import numpy as np

import keras_kd
from tests import support
from tests.backend import trainings


def small(callbacks=None):
    """Weights, logs and predictions of a small Distiller after training."""
    soft = keras_kd.losses.SoftTargets(4.0, name="soft")
    return trainings.result(
        trainings.compiled(support.distiller(soft)),
        *trainings.vectors(),
        callbacks=callbacks,
    )


def annealed():
    """A schedule of epochs beside one of steps."""
    anneal = keras_kd.callbacks.Anneal
    return small(
        [
            anneal("soft.temperature", lambda epoch: 4.0 - epoch, "epoch"),
            anneal("student_loss_weight", lambda step: 1.0 - 0.1 * step),
        ]
    )


def checkpointed():
    """Weights of the student of the first epoch, from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "student.keras")
        # The loss falls, so that its highest value is the first.
        small(
            [
                keras_kd.callbacks.StudentCheckpoint(
                    path, "loss", mode="max", save_best_only=True
                )
            ]
        )
        return keras.saving.load_model(path).get_weights()


def resumed():
    """The same as `small`, with an interruption after two epochs."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(KeyboardInterrupt):
            small(
                [
                    keras.callbacks.BackupAndRestore(folder),
                    support.Interrupt(2),
                ]
            )
        return small([keras.callbacks.BackupAndRestore(folder)])


TRAININGS = {
    "small": small,
    "annealed": annealed,
    "checkpointed": checkpointed,
    "resumed": resumed,
}


def main(folder):
    found = {
        f"{name}/{number}": array
        for name, train in TRAININGS.items()
        for number, array in enumerate(train())
    }
    np.savez(pathlib.Path(folder, f"{keras.backend.backend()}.npz"), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
