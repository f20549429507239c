"""What the conformance tests run: a row for every public procedure."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_kd import procedures
from keras_kd import transfer_sets
from tests import support

# Public names that are no procedure with a `fit`.
EXCEPTIONS = {
    "CoTrainingResult": "is what `co_training` returns",
    "CompressResult": "is what `compress` returns",
    "CompressScores": "is a part of what `compress` returns",
    "CorrectClassBiasResult": "is what `correct_class_bias` returns",
    "DataFreeResult": "is what `data_free` returns",
    "DefensiveDistillationResult": "is what `defensive_distillation` returns",
    "FitNetsResult": "is what `fitnets` returns",
    "Specialists": "is what `specialists` returns",
    "SupervisionTransferResult": "is what `supervision_transfer` returns",
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


def run_co_training(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    x, y = support.data()
    return procedures.co_training(
        **{
            "learners": [dropout_net() for _ in range(2)],
            "views": (x, x[:, ::-1]),
            "labels": np.where(np.arange(len(y)) < 9, y, -1),
            "per_class": [1, 1, 1],
            "iterations": 1,
            "pool_size": 9,
            "epochs": 2,
            "verbose": 0,
        }
        | kwargs
    )


def run_compress(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    x, y = support.data()
    return procedures.compress(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student"),
            "x": x,
            "num_synthetic": [0, 30],
            "validation_data": (x, y),
            "updates": 12,
            "epochs": 2,
            "patience": 2,
            "batch_size": 8,
            "verbose": 0,
        }
        | kwargs
    )


def dropout_net(classes=3):
    """A net with dropout, whose state a resumed run must find again."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(classes),
        ]
    )


def generalist():
    keras.utils.set_random_seed(0)
    return dropout_net(classes=4)


def run_defensive_distillation(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    return procedures.defensive_distillation(
        **{
            "build_network": dropout_net,
            "data": batches(),
            "validation_data": support.data(seed=1),
            "temperature": 5.0,
            "epochs": 2,
            "verbose": 0,
        }
        | kwargs
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


def run_supervision_transfer(teacher, **kwargs):
    keras.utils.set_random_seed(0)
    x, y = support.data()
    pairs = {"teacher": x, "student": x[:, :3]}
    return procedures.supervision_transfer(
        **{
            "teacher": teacher,
            "student": support.dense(4, name="student", features=3),
            "pairs": tf.data.Dataset.from_tensor_slices(pairs).batch(8),
            "teacher_tap": "hidden",
            "student_tap": "hidden",
            "epochs": 2,
            "labelled": tf.data.Dataset.from_tensors((x[:, :3], y)).repeat(3),
            "fine_tuning_epochs": 2,
            "verbose": 0,
        }
        | kwargs
    )


ROWS = (
    Row(
        "co_training",
        "co_training",
        make_teacher=lambda: None,
        run=run_co_training,
        students=lambda result: result.learners,
        other={"conflict": "certain"},
        stages=(
            "iteration_0_view_0",
            "iteration_0_view_1",
            "final_view_0",
            "final_view_1",
        ),
    ),
    Row(
        "compress",
        "compress",
        make_teacher=teacher,
        run=run_compress,
        students=lambda result: result.students.values(),
        other={"targets": "logits"},
        stages=("synthetic_0", "synthetic_30"),
    ),
    Row(
        "defensive_distillation",
        "defensive_distillation",
        make_teacher=lambda: None,
        run=run_defensive_distillation,
        students=lambda result: [result.student],
        other={"temperature": 7.0},
        stages=("teacher", "student"),
    ),
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
    Row(
        "supervision_transfer",
        "supervision_transfer",
        make_teacher=teacher,
        run=run_supervision_transfer,
        students=lambda result: [result.student, result.fusion],
        other={"optimizer": "sgd"},
        stages=("transfer", "fine_tuning"),
    ),
)
NAMED_ROWS = [(row.name, row) for row in ROWS]
