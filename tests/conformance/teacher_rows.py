"""What the conformance tests run: a row for every public kind of teacher."""

import dataclasses
from collections.abc import Callable

import keras

from keras_kd import teachers
from tests import support

# Public names that make no teacher which a Distiller runs.
EXCEPTIONS = {
    "Augmentation": "is no teacher",
    "CachedTeacher": "is attached to data: cache_training_test.py",
    "FunctionTeacher": "is asked once, for a cache",
    "TorchTeacher": "runs on PyTorch: torch_teacher_test.py",
    "cache_answers": "is no teacher",
    "cache_teacher": "is no teacher",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A teacher and how to make it, for four features and three classes.

    Attributes:
        name: Unique, in snake case.
        teacher: Name in `teachers.__all__`.
        make: Makes a teacher.
        is_deterministic: Whether each run, and each replica, sees the same.
        is_updated: Whether training moves the teacher.
    """

    name: str
    teacher: str
    make: Callable[[], keras.Model]
    is_deterministic: bool = True
    is_updated: bool = False


def members():
    """Two nets, one of which ends in a batch normalisation."""
    normalized = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="relu", name="hidden"),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(),
        ],
        name="normalized",
    )
    return [support.dense(8, name="plain"), normalized]


def ensemble(*args, **kwargs):
    return teachers.EnsembleTeacher(members(), *args, **kwargs)


ROWS = (
    Row(
        "logits",
        "logits",
        lambda: teachers.logits(support.dense(8, activation="softmax")),
    ),
    Row(
        "logits_of_probabilities",
        "logits_of_probabilities",
        lambda: teachers.logits_of_probabilities(
            support.dense(8, activation="softmax")
        ),
    ),
    Row(
        "mapped_classes",
        "map_classes",
        lambda: teachers.map_classes(
            support.dense(8, classes=4), [3, [0, 2], 1]
        ),
    ),
    Row("arithmetic", "EnsembleTeacher", ensemble),
    Row("geometric", "EnsembleTeacher", lambda: ensemble("geometric")),
    Row(
        "preprocessed",
        "EnsembleTeacher",
        lambda: ensemble(
            weights=(1, 3), preprocess=[keras.layers.Rescaling(0.5), None]
        ),
    ),
    Row(
        "noisy",
        "NoisyTeacher",
        lambda: teachers.NoisyTeacher(support.dense(8), 0.5, seed=1),
        is_deterministic=False,
    ),
    Row(
        "noise_of_the_batch",
        "NoisyTeacher",
        lambda: teachers.NoisyTeacher(
            support.dense(8), 0.5, 1.0, shared_axes=(0,), seed=1
        ),
    ),
    Row(
        "noisy_ensemble",
        "NoisyTeacher",
        lambda: teachers.NoisyTeacher(ensemble(), 0.5, seed=1),
        is_deterministic=False,
    ),
    Row(
        "moving_average",
        "MovingAverageTeacher",
        lambda: teachers.MovingAverageTeacher(support.dense(4, name="average")),
        is_updated=True,
    ),
)
NAMED_ROWS = [(row.name, row) for row in ROWS]
