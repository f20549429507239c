"""Two modalities of vectors, and a short run of `supervision_transfer`."""

import keras
import numpy as np

from keras_kd import procedures
from tests import support

CLASSES = 3
# The second modality sees the first through a fixed map, and one number less.
MIX = np.random.default_rng(9).normal(size=(4, 3)).astype("float32")


def vectors(count=240, seed=0):
    """Vectors of the first modality, and labels that they tell."""
    x = np.random.default_rng(seed).normal(size=(count, 4)).astype("float32")
    return x, x[:, :CLASSES].argmax(-1)


def paired(x):
    return {"rgb": x, "depth": x @ MIX}


def trained_teacher(x=None, y=None):
    if x is None:
        x, y = vectors(1000)
    model = untrained()
    model.compile(keras.optimizers.Adam(0.02), support.cross_entropy())
    model.fit(x, y, epochs=15, verbose=0)
    return model


def untrained(**kwargs):
    keras.utils.set_random_seed(0)
    return support.dense(12, CLASSES, name="teacher", **kwargs)


def student(width=24, features=3):
    keras.utils.set_random_seed(1)
    return support.dense(width, CLASSES, name="student", features=features)


def transfer(**kwargs):
    return procedures.supervision_transfer(
        **{
            "teacher": untrained(),
            "student": student(),
            "pairs": paired(vectors()[0]),
            "teacher_tap": "hidden",
            "student_tap": "hidden",
            "teacher_inputs": "rgb",
            "student_inputs": "depth",
            "epochs": 1,
            "batch_size": 32,
            "optimizer": keras.optimizers.Adam(0.01),
            "verbose": 0,
        }
        | kwargs
    )
