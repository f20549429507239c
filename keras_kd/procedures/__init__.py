"""Ways to distil that take more than one `fit`."""

from keras_kd.procedures.specialist_team import Specialists
from keras_kd.procedures.specialists import specialists

__all__ = ["Specialists", "specialists"]
