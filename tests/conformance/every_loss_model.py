"""A Distiller with every loss, each on a branch of its own.

A wrong gradient then shows in the weights of that branch.
"""

import math

import keras
import numpy as np

import keras_kd
from tests import support
from tests.conformance.loss_rows import ROWS

STEPS = 6
EXAMPLES = 13


@keras.saving.register_keras_serializable("tests")
class First(keras.layers.Layer):
    """Returns the first of its inputs, and so keeps the others in a model."""

    def call(self, tensors):
        return tensors[0]

    def compute_mask(self, tensors, mask=None):
        return None


def model(side, name, rows=ROWS):
    """A branch per layer of a row, whose last layer has its name."""
    vector = keras.Input((4,), name="vector")
    tokens = keras.Input((STEPS,), dtype="int32", name="tokens")
    branches = [keras.layers.Dense(3, name="head")(vector)]
    for layer, shape in _layers(side, rows):
        if len(shape) == 2:
            embed = keras.layers.Embedding(10, shape[1], mask_zero=True)
            branch = keras.layers.Dense(shape[1], name=layer)(embed(tokens))
        else:
            branch = keras.layers.Dense(math.prod(shape))(vector)
            branch = keras.layers.Reshape(shape, name=layer)(branch)
        branches.append(branch)
    inputs = {"vector": vector, "tokens": tokens}
    return keras.Model(inputs, First()(branches), name=name)


def _layers(side, rows):
    return [pair for row in rows for pair in row.layers(side).items()]


def distiller(rows=ROWS, **options):
    """A compiled one, with the losses of rows; `options` go to `compile`."""
    keras.utils.set_random_seed(0)
    made = keras_kd.Distiller(
        teacher=model("teacher", "teacher", rows),
        student=model("student", "student", rows),
        distillation_losses=[
            row.make(name=row.name, loss_weight=row.weight, **row.taps)
            for row in rows
        ],
        student_loss_weight=0.5,
    )
    made.compile(
        keras.optimizers.SGD(0.01),
        loss=support.cross_entropy(),
        metrics=["accuracy", keras_kd.metrics.TeacherAgreement()],
        **options,
    )
    return made


def data(count):
    """Inputs with unequal masks, labels and weights."""
    rng = np.random.default_rng(0)
    padding = rng.random((count, STEPS)) < 0.3
    x = {
        "vector": rng.normal(size=(count, 4)).astype("float32"),
        "tokens": rng.integers(1, 10, (count, STEPS)) * ~padding,
    }
    return x, rng.integers(0, 3, count), rng.random(count)
