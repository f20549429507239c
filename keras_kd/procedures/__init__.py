"""Procedures of several stages, and corrections after a `fit`."""

import warnings
from typing import Any

from keras_kd.procedures._co_training.pool import CoTrainingLabel
from keras_kd.procedures._data_distillation.tasks import Annotations
from keras_kd.procedures._data_distillation.tasks import ClassificationTask
from keras_kd.procedures._data_distillation.tasks import ObjectPeaksTask
from keras_kd.procedures._specialists.team import Specialists
from keras_kd.procedures.born_again import BornAgainResult
from keras_kd.procedures.born_again import born_again
from keras_kd.procedures.co_training import CoTrainingResult
from keras_kd.procedures.co_training import co_training
from keras_kd.procedures.compress import CompressResult
from keras_kd.procedures.compress import CompressScores
from keras_kd.procedures.compress import compress
from keras_kd.procedures.correct_class_bias import CorrectClassBiasResult
from keras_kd.procedures.correct_class_bias import correct_class_bias
from keras_kd.procedures.data_distillation import DataDistillationResult
from keras_kd.procedures.data_distillation import data_distillation
from keras_kd.procedures.data_free import DataFreeResult
from keras_kd.procedures.data_free import data_free
from keras_kd.procedures.defensive_distillation import (
    DefensiveDistillationResult,
)
from keras_kd.procedures.defensive_distillation import defensive_distillation
from keras_kd.procedures.fitnets import FitNetsResult
from keras_kd.procedures.fitnets import fitnets
from keras_kd.procedures.on_policy_distillation import (
    OnPolicyDistillationResult,
)
from keras_kd.procedures.on_policy_distillation import on_policy_distillation
from keras_kd.procedures.reuse_classifier import ReuseClassifierResult
from keras_kd.procedures.reuse_classifier import reuse_classifier
from keras_kd.procedures.sequence_distillation import SequenceDistillationResult
from keras_kd.procedures.sequence_distillation import sequence_distillation
from keras_kd.procedures.specialists import specialists
from keras_kd.procedures.supervision_transfer import SupervisionTransferResult
from keras_kd.procedures.supervision_transfer import supervision_transfer
from keras_kd.procedures.teacher_assistants import TeacherAssistantsResult
from keras_kd.procedures.teacher_assistants import teacher_assistants

__all__ = [
    "Annotations",
    "BornAgainResult",
    "ClassificationTask",
    "CoTrainingLabel",
    "CoTrainingResult",
    "CompressResult",
    "CompressScores",
    "CorrectClassBiasResult",
    "DataDistillationResult",
    "DataFreeResult",
    "DefensiveDistillationResult",
    "FitNetsResult",
    "ObjectPeaksTask",
    "OnPolicyDistillationResult",
    "ReuseClassifierResult",
    "SequenceDistillationResult",
    "Specialists",
    "SupervisionTransferResult",
    "TeacherAssistantsResult",
    "born_again",
    "co_training",
    "compress",
    "correct_class_bias",
    "data_distillation",
    "data_free",
    "defensive_distillation",
    "fitnets",
    "on_policy_distillation",
    "reuse_classifier",
    "sequence_distillation",
    "specialists",
    "supervision_transfer",
    "teacher_assistants",
]

# Names until version 0.2, and what they are called now.
_RENAMED = {
    "Classification": "ClassificationTask",
    "Labelling": "CoTrainingLabel",
    "Objects": "ObjectPeaksTask",
}


def __getattr__(name: str) -> Any:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"`procedures.{name}` is called `procedures.{_RENAMED[name]}` now.",
        DeprecationWarning,
        stacklevel=2,
    )
    return globals()[_RENAMED[name]]
