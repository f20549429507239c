"""Models that are saved while they are trained or afterwards, and loaded."""

import contextlib

import keras
import numpy as np

import keras_kd
from tests import support


def train(folder, *callbacks):
    """Trains a Distiller that backs itself up."""
    keras.utils.set_random_seed(0)
    made = support.distiller()
    made.compile(keras.optimizers.Adam(0.05), support.cross_entropy())
    made.fit(
        *support.data(),
        epochs=4,
        shuffle=False,
        callbacks=[keras_kd.callbacks.BackupWorkers(folder), *callbacks],
        verbose=0,
    )
    return [made.student.get_weights()]


def interrupted_training(folder):
    with contextlib.suppress(KeyboardInterrupt):
        train(folder, support.Interrupt(4))


def saved_student(folder):
    made = support.distiller()
    made.compile("adam", support.cross_entropy())
    path = folder / "student.keras"
    made.fit(
        *support.data(),
        callbacks=[keras_kd.callbacks.StudentCheckpoint(path)],
        verbose=0,
    )


def load(folder, name="student.keras"):
    loaded = keras.saving.load_model(folder / name)
    return [np.asarray(weight) for weight in loaded.variables]


def distiller():
    keras.utils.set_random_seed(0)
    made = support.distiller(teacher=support.dense(8, name="teacher"))
    made.compile("adam", support.cross_entropy())
    made.fit(*support.data(), verbose=0)
    return made


def peers():
    keras.utils.set_random_seed(0)
    made = keras_kd.MutualDistiller(
        peers=[support.dense(4, name=name) for name in "ab"],
        distillation_losses=keras_kd.losses.SoftTargets(2.0),
    )
    made.compile("adam", support.cross_entropy())
    made.fit(*support.data(), verbose=0)
    return made


def ensemble():
    keras.utils.set_random_seed(0)
    members = [support.dense(4, name=name) for name in "ab"]
    return keras_kd.teachers.NoisyTeacher(
        keras_kd.teachers.EnsembleTeacher(members), 0.5, seed=1
    )


def save(make, folder):
    """Saves a model with all that belongs to it."""
    make().save(folder / "model.keras")


def save_weights(make, folder):
    """Saves the weights alone, in a file of the Distiller's own."""
    make().save_weights(folder / "model.weights.h5")


def load_weights(make, folder):
    made = make()
    made.load_weights(folder / "model.weights.h5")
    optimizers = getattr(made, "optimizers", [made.optimizer])
    return [
        support.values([*made.variables, *one.variables]) for one in optimizers
    ]
