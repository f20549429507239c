"""Ways to distil that take more than one `fit`."""

<<<<<<< HEAD
from keras_kd.procedures.specialist_team import Specialists
from keras_kd.procedures.specialists import specialists

__all__ = ["Specialists", "specialists"]
=======
from keras_kd.procedures.fitnets import FitNetsResult
from keras_kd.procedures.fitnets import fitnets

__all__ = ["FitNetsResult", "fitnets"]
>>>>>>> fitnets
