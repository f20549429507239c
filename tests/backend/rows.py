"""Runs each loss of the table by itself, from the same weights everywhere.

A program: `KERAS_BACKEND=jax python -m tests.backend.rows FOLDER` writes
`FOLDER/jax.npz`, arrays under `row/part/number`. The parts of a row:

* `values`, `gradients`: of the loss, by the student's tensor first and then by
  the loss's own weights;
* `kept`, `loaded`: values after all its variables were changed, and those of
  the loss that was saved then, and loaded;
* `first`, `last`: weights of a student and its loss before and after five
  steps.
"""

import pathlib
import sys

import keras
import numpy as np

import keras_kd
from tests import support
from tests.backend import gradients
from tests.backend import settled
from tests.conformance import every_loss_model
from tests.conformance.loss_rows import ROWS

STEPS = 5
BATCH = 4


def array(tensor):
    # A tensor of PyTorch that has a gradient is no array.
    return keras.ops.convert_to_numpy(tensor)


def of_loss(row):
    """The loss on two tensors, and once more from a file."""
    teacher, student = map(keras.ops.convert_to_tensor, row.tensors())
    loss = row.make(name="tested")
    row.call(loss, teacher, student)
    settled.settle_loss(loss, np.random.default_rng(9))
    values, *found = gradients.values_and_gradients(
        lambda student: row.call(loss, teacher, student),
        student,
        loss.trainable_variables,
    )
    for variable in loss.variables:
        variable.assign(variable + 0.25)
    loaded = support.through_a_file(alone(row, loss))
    return {
        "values": [values],
        "gradients": found,
        "kept": [array(row.call(loss, teacher, student))],
        "loaded": [array(loaded([teacher, student]))],
    }


def alone(row, loss):
    """A model that is this loss and nothing else."""
    inputs = [keras.Input(row.teacher_shape), keras.Input(row.student_shape)]
    return keras.Model(inputs, row.call(loss, *inputs))


def of_training(row):
    """A student with this loss and nothing else, for five steps."""
    distiller = keras_kd.Distiller(
        teacher=every_loss_model.model("teacher", "teacher", [row]),
        student=every_loss_model.model("student", "student", [row]),
        distillation_losses=row.make(name=row.name, **row.taps),
    )
    settled.settle(distiller)
    distiller.compile(keras.optimizers.SGD(0.05, momentum=0.9))
    first = support.values(distiller.weights)
    x, y, weights = every_loss_model.data(STEPS * BATCH)
    distiller.fit(
        x,
        y,
        sample_weight=weights.astype("float32"),
        batch_size=BATCH,
        shuffle=False,
        verbose=0,
    )
    return {"first": first, "last": support.values(distiller.weights)}


def main(folder):
    found = {}
    for row in ROWS:
        for part, arrays in (of_loss(row) | of_training(row)).items():
            for number, one in enumerate(arrays):
                found[f"{row.name}/{part}/{number}"] = one
    backend = keras.backend.backend()
    np.savez(pathlib.Path(folder, f"{backend}.npz"), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
