"""Ways to distil that take more than one `fit`."""

from keras_kd.procedures.fitnets import FitNetsResult
from keras_kd.procedures.fitnets import fitnets

__all__ = ["FitNetsResult", "fitnets"]
