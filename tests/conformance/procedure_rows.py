"""What the conformance tests run: a row for every public procedure."""

import dataclasses
from collections.abc import Callable

import keras

from tests.conformance import procedure_runs as runs

# Public names that are no procedure with a `fit`.
EXCEPTIONS = {
    "Annotations": "is a part of what `data_distillation` returns",
    "BornAgainResult": "is what `born_again` returns",
    "ClassificationTask": "is a task of `data_distillation`",
    "CoTrainingResult": "is what `co_training` returns",
    "CompressResult": "is what `compress` returns",
    "CompressScores": "is a part of what `compress` returns",
    "CorrectClassBiasResult": "is what `correct_class_bias` returns",
    "DataDistillationResult": "is what `data_distillation` returns",
    "DataFreeResult": "is what `data_free` returns",
    "DefensiveDistillationResult": "is what `defensive_distillation` returns",
    "FitNetsResult": "is what `fitnets` returns",
    "CoTrainingLabel": "is a part of what `co_training` returns",
    "ObjectPeaksTask": "is a task of `data_distillation`",
    "OnPolicyDistillationResult": "is what `on_policy_distillation` returns",
    "ReuseClassifierResult": "is what `reuse_classifier` returns",
    "SequenceDistillationResult": "is what `sequence_distillation` returns",
    "Specialists": "is what `specialists` returns",
    "SupervisionTransferResult": "is what `supervision_transfer` returns",
    "TeacherAssistantsResult": "is what `teacher_assistants` returns",
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
        stages: Names of its stages, in order.
    """

    name: str
    procedure: str
    make_teacher: Callable[[], keras.Model | None]
    run: Callable
    students: Callable
    stages: tuple[str, ...]


ROWS = (
    Row(
        "co_training",
        "co_training",
        make_teacher=lambda: None,
        run=runs.run_co_training,
        students=lambda result: result.learners,
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
        make_teacher=runs.teacher,
        run=runs.run_compress,
        students=lambda result: result.students.values(),
        stages=("synthetic_0", "synthetic_30"),
    ),
    Row(
        "defensive_distillation",
        "defensive_distillation",
        make_teacher=lambda: None,
        run=runs.run_defensive_distillation,
        students=lambda result: [result.student],
        stages=("teacher", "student"),
    ),
    Row(
        "fitnets",
        "fitnets",
        make_teacher=runs.teacher,
        run=runs.run_fitnets,
        students=lambda result: [result.student],
        stages=("hint", "distillation"),
    ),
    Row(
        "data_distillation",
        "data_distillation",
        make_teacher=runs.teacher,
        run=runs.run_data_distillation,
        students=lambda result: [result.student],
        stages=("student",),
    ),
    Row(
        "data_free",
        "data_free",
        make_teacher=runs.teacher,
        run=runs.run_data_free,
        students=lambda result: [result.student],
        stages=("reconstruction", "distillation"),
    ),
    Row(
        "reuse_classifier",
        "reuse_classifier",
        make_teacher=runs.teacher,
        run=runs.run_reuse_classifier,
        students=lambda result: [result.student],
        stages=("student",),
    ),
    Row(
        "specialists",
        "specialists",
        make_teacher=runs.generalist,
        run=runs.run_specialists,
        students=lambda result: result.specialists,
        stages=("specialist_0", "specialist_1"),
    ),
    Row(
        "supervision_transfer",
        "supervision_transfer",
        make_teacher=runs.teacher,
        run=runs.run_supervision_transfer,
        students=lambda result: [result.student, result.fusion],
        stages=("transfer", "fine_tuning"),
    ),
    Row(
        "teacher_assistants",
        "teacher_assistants",
        make_teacher=runs.teacher,
        run=runs.run_teacher_assistants,
        students=lambda result: [*result.assistants, result.student],
        stages=("assistant_0", "student"),
    ),
    Row(
        "born_again",
        "born_again",
        make_teacher=runs.teacher,
        run=runs.run_born_again,
        students=lambda result: result.generations,
        stages=("generation_1", "generation_2"),
    ),
    Row(
        "sequence_distillation",
        "sequence_distillation",
        make_teacher=runs.language_teacher,
        run=runs.run_sequence_distillation,
        students=lambda result: [result.student],
        stages=("student",),
    ),
    Row(
        "on_policy_distillation",
        "on_policy_distillation",
        make_teacher=runs.language_teacher,
        run=runs.run_on_policy_distillation,
        students=lambda result: [result.student],
        stages=("student",),
    ),
)
NAMED_ROWS = [(row.name, row) for row in ROWS]
