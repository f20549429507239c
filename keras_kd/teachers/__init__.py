"""Teachers: any built `keras.Model` that gives logits, and more."""

from keras_kd.teachers.augmentation import Augmentation
from keras_kd.teachers.cached import CachedTeacher
from keras_kd.teachers.caching import cache_teacher
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
