"""What the conformance tests run: a row for every public procedure."""

import dataclasses
from collections.abc import Callable

import keras

# Public names that are no procedure with a `fit`.
EXCEPTIONS = {
    "CorrectClassBiasResult": "is what `correct_class_bias` returns",
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


ROWS = ()
NAMED_ROWS = [(row.name, row) for row in ROWS]
