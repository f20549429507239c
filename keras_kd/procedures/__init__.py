"""Ways to distil that take more than one `fit`, and what follows a `fit`."""

from keras_kd.procedures.correct_class_bias import CorrectClassBiasResult
from keras_kd.procedures.correct_class_bias import correct_class_bias

__all__ = ["CorrectClassBiasResult", "correct_class_bias"]
