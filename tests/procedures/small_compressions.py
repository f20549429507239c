"""A teacher, a student and data for the tests of `compress`."""

import keras
import numpy as np

import keras_kd
from keras_kd import procedures
from tests import support


def teacher(classes=2):
    """Says which of the first numbers is largest."""
    return keras_kd.teachers.FunctionTeacher(
        lambda x: 4.0 * x[:, :classes],
        num_classes=classes,
        from_logits=True,
        identity="1",
    )


def rows(count=40, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 4))


def student(classes=2):
    keras.utils.set_random_seed(0)
    return support.dense(16, classes, name="student")


def judged(count=500, classes=2):
    x = rows(count, seed=1)
    return x, x[:, :classes].argmax(-1)


def compress(**kwargs):
    return procedures.compress(
        **{
            "teacher": teacher(),
            "student": student(),
            "x": rows(),
            "num_synthetic": 400,
            "updates": 300,
            "epochs": 3,
            "batch_size": 32,
            "optimizer": keras.optimizers.Adam(0.01),
            "validation_data": judged(),
            "verbose": 0,
        }
        | kwargs
    )
