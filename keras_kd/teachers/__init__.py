"""Teachers: any built `keras.Model` that gives logits, and more."""

from keras_kd.teachers.augmentation import Augmentation
from keras_kd.teachers.cached import CachedTeacher
from keras_kd.teachers.ensemble import EnsembleTeacher
from keras_kd.teachers.function import FunctionTeacher
from keras_kd.teachers.logits import logits
from keras_kd.teachers.noisy import NoisyTeacher

__all__ = [
    "Augmentation",
    "CachedTeacher",
    "EnsembleTeacher",
    "FunctionTeacher",
    "NoisyTeacher",
    "cache_teacher",
    "logits",
]


def __getattr__(name):
    # Writing a cache takes more modules than reading one.
    if name != "cache_teacher":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_kd.teachers.caching import cache_teacher

    return cache_teacher
