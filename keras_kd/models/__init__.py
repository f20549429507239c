"""Architectures to begin with."""

from keras_kd._core.maxout import CeilMaxPooling2D
from keras_kd._core.maxout import Maxout
from keras_kd.models.budgeted_convnet import budgeted_convnet
from keras_kd.models.drop_layers import drop_layers
from keras_kd.models.fold_bottleneck import fold_bottleneck
from keras_kd.models.highway import highway
from keras_kd.models.lenet5 import lenet5
from keras_kd.models.maxout_convnet import MaxoutBlock
from keras_kd.models.maxout_convnet import maxout_convnet
from keras_kd.models.maxout_fitnet import maxout_fitnet
from keras_kd.models.maxout_fitnet import maxout_teacher
from keras_kd.models.shallow_mimic import shallow_mimic
from keras_kd.models.small_convnet import small_convnet
from keras_kd.models.wide_resnet import wide_resnet

__all__ = [
    "CeilMaxPooling2D",
    "Maxout",
    "MaxoutBlock",
    "budgeted_convnet",
    "drop_layers",
    "fold_bottleneck",
    "highway",
    "lenet5",
    "maxout_convnet",
    "maxout_fitnet",
    "maxout_teacher",
    "shallow_mimic",
    "small_convnet",
    "wide_resnet",
]
