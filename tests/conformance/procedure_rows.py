"""What the conformance tests run: a row for every public procedure."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_kd import procedures
from keras_kd import transfer_sets
from tests import support

# Public names that are no procedure with a `fit`.
EXCEPTIONS = {
    "CorrectClassBiasResult": "is what `correct_class_bias` returns",
    "DataFreeResult": "is what `data_free` returns",
    "FitNetsResult": "is what `fitnets` returns",
    "Specialists": "is what `specialists` returns",
    "correct_class_bias": "is no training: it moves a bias of a trained model",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A procedure and how to run it on small data.

    Attributes:
        name: Unique, in snake case.
        procedure: Name in `procedures.__all__`.
        make_teacher: Makes the teacher, or `None` if it has none.
        run: From `(teacher, **kwargs)` to what the procedure returned. It sets
            the random seed, makes new students and calls the procedure with
            `kwargs`: `directory`, `callbacks` and what else a test gives.
        students: From that result to its students, a list of models.
        other: Arguments that make it another run, for the same directory.
        stages: Names of its stages, in order.
    """

    name: str
    procedure: str
    make_teacher: Callable[[], keras.Model | None]
    run: Callable
    students: Callable
    other: dict
    stages: tuple[str, ...]


def teacher():
    keras.utils.set_random_seed(1)
    return support.dense(8, name="teacher")


def batches():
    """Always the same, so that a run can be repeated."""
    return tf.data.Dataset.from_tensor_slices(support.data()).batch(8)


def run_fitnets(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.fitnets(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student"),
            "data": batches(),
            "validation_data": support.data(seed=1),
            "hint_tap": "hidden",
            "guided_tap": "hidden",
            "hint_epochs": 2,
            "epochs": 2,
            "patience": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_data_free(teacher, **kwargs):
    records = transfer_sets.activation_records(
        teacher=teacher, data=support.data(60)
    )
    keras.utils.set_random_seed(0)
    return procedures.data_free(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student"),
            "records": records,
            "images_per_class": 6,
            "reconstruction_batch_size": 4,
            "steps": 3,
            "epochs": 3,
            "batch_size": 8,
            "validation_data": support.data(seed=1),
            "verbose": 0,
        }
        | kwargs
    )


def generalist():
    """A net with dropout, whose state a resumed run must find again."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(4),
        ]
    )


def run_specialists(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.specialists(
        **{
            "generalist": teacher,
            "num_specialists": 2,
            "classes_per_specialist": 2,
            "data": support.data(classes=4),
            "epochs": 2,
            "batch_size": 8,
            "verbose": 0,
        }
        | kwargs
    )


ROWS = (
    Row(
        "fitnets",
        "fitnets",
        make_teacher=teacher,
        run=run_fitnets,
        students=lambda result: [result.student],
        other={"temperature": 5.0},
        stages=("hint", "distillation"),
    ),
    Row(
        "data_free",
        "data_free",
        make_teacher=teacher,
        run=run_data_free,
        students=lambda result: [result.student],
        other={"dropout": 0.5},
        stages=("reconstruction", "distillation"),
    ),
    Row(
        "specialists",
        "specialists",
        make_teacher=generalist,
        run=run_specialists,
        students=lambda result: result.specialists,
        other={"temperature": 2.0},
        stages=("specialist_0", "specialist_1"),
    ),
)
NAMED_ROWS = [(row.name, row) for row in ROWS]
