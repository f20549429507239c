"""Students that give logits of one unit, of labels and of classes."""

import keras
import numpy as np

from keras_kd import losses
from tests import compiled_metrics_reference as reference
from tests import support

ALL = ("unit", "labels", "classes")


def data(kind, count=64):
    """Inputs and labels, that go with `distiller(kind)`."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(count, 4)).astype("float32")
    if kind == "classes":
        return x, np.eye(3, dtype="float32")[rng.integers(0, 3, count)]
    units = 1 if kind == "unit" else 3
    return x, (rng.random((count, units)) < 0.4).astype("float32")


def supervised(kind):
    if kind == "classes":
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return keras.losses.BinaryCrossentropy(from_logits=True)


def distiller(kind, loss=None):
    """A Distiller whose student is spread over both sides of 0 and .5."""
    keras.utils.set_random_seed(3)
    units = 1 if kind == "unit" else 3
    if loss is None:
        soft = kind == "classes"
        loss = losses.SoftTargets() if soft else losses.BinarySoftTargets()
    made = support.distiller(
        loss,
        teacher=support.dense(8, units),
        student=support.dense(8, units, name="student"),
    )
    head = made.student.get_layer("head")
    # Biases that put some logits between 0 and .5, and away from the edges.
    head.bias.assign(np.linspace(0.3, -0.4, units))
    return made


def evaluated(made, *arguments, **kwargs):
    return support.evaluated(made, *arguments, batch_size=16, **kwargs)


def probabilities_of(made, kind, x):
    logits = made.student.predict(x, verbose=0)
    return reference.probabilities(logits, kind == "classes")


def two_headed():
    """A model with one logit and with three."""
    return support.two_headed(8, a=1, b=3)
