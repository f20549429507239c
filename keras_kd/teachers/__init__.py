"""Teachers: any built `keras.Model` that gives logits, and more."""

import importlib
from typing import TYPE_CHECKING
from typing import Any

from keras_kd.teachers.augmentation import Augmentation
from keras_kd.teachers.ensemble import EnsembleTeacher
from keras_kd.teachers.function import FunctionTeacher
from keras_kd.teachers.logits import logits
from keras_kd.teachers.logits_of_probabilities import logits_of_probabilities
from keras_kd.teachers.map_classes import map_classes
from keras_kd.teachers.moving_average import MovingAverageTeacher
from keras_kd.teachers.noisy import NoisyTeacher
from keras_kd.teachers.torch_teacher import TorchTeacher

if TYPE_CHECKING:
    from keras_kd.teachers.cached import CachedTeacher
    from keras_kd.teachers.caching import cache_teacher
    from keras_kd.teachers.given_answers import cache_answers

__all__ = [
    "Augmentation",
    "CachedTeacher",
    "EnsembleTeacher",
    "FunctionTeacher",
    "MovingAverageTeacher",
    "NoisyTeacher",
    "TorchTeacher",
    "cache_answers",
    "cache_teacher",
    "logits",
    "logits_of_probabilities",
    "map_classes",
]


# Caches take many modules, and few need them.
_ON_DEMAND = {
    "CachedTeacher": "cached",
    "cache_answers": "given_answers",
    "cache_teacher": "caching",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_ON_DEMAND[name]}")
    except ModuleNotFoundError as error:
        if error.name != "tensorflow":
            raise
        raise ModuleNotFoundError(
            f"`keras_kd.teachers.{name}` needs TensorFlow, which reads and "
            "writes the files of a cache on every backend. Received: no "
            "module named 'tensorflow'. Install it, or give the Distiller the "
            "teacher itself.",
            name="tensorflow",
        ) from error
    return getattr(module, name)
