"""Ways to distil that take more than one `fit`, and what follows a `fit`."""

from keras_kd.procedures.correct_class_bias import CorrectClassBiasResult
from keras_kd.procedures.correct_class_bias import correct_class_bias
from keras_kd.procedures.data_free import DataFreeResult
from keras_kd.procedures.data_free import data_free
from keras_kd.procedures.fitnets import FitNetsResult
from keras_kd.procedures.fitnets import fitnets
from keras_kd.procedures.specialist.team import Specialists
from keras_kd.procedures.specialists import specialists

__all__ = [
    "CorrectClassBiasResult",
    "DataFreeResult",
    "FitNetsResult",
    "Specialists",
    "correct_class_bias",
    "data_free",
    "fitnets",
    "specialists",
]
