"""Small models and data that many tests use."""

import pathlib
import tempfile

import keras
import numpy as np

import keras_kd
from tests import xla  # noqa: F401


def dense(width, classes=3, name=None, features=4, **head):
    """A two-layer net whose hidden layer is called `hidden`."""
    return keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(width, activation="relu", name="hidden"),
            keras.layers.Dense(classes, name="head", **head),
        ],
        name=name,
    )


def data(count=24, features=4, classes=3, seed=0):
    """Random vectors and labels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features)).astype("float32")
    return x, rng.integers(0, classes, count)


def cross_entropy(**kwargs):
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, **kwargs
    )


def distiller(losses=None, *, teacher=None, student=None, **kwargs):
    """A Distiller of dense nets, by default with soft targets."""
    return keras_kd.Distiller(
        teacher=teacher or dense(8, name="teacher"),
        student=student or dense(4, name="student"),
        distillation_losses=losses or keras_kd.losses.SoftTargets(2.0),
        **kwargs,
    )


def values(variables):
    """Copies of variables as arrays."""
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


def largest_difference(first, second):
    """Largest absolute difference of two lists of arrays."""
    return max(
        float(np.max(np.abs(a.astype("float64") - b.astype("float64"))))
        for a, b in zip(first, second, strict=True)
    )


def folder(test):
    """A temporary folder that lasts for one test.

    absltest's own `create_tempdir` needs parsed flags, which pytest lacks.
    """
    made = tempfile.TemporaryDirectory()
    test.addCleanup(made.cleanup)
    return pathlib.Path(made.name)


class Interrupt(keras.callbacks.Callback):
    """Stands for Ctrl-C at the end of an epoch, counted over all stages."""

    def __init__(self, epoch):
        super().__init__()
        self.left = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
