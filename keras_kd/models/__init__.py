"""Architectures to begin with."""

from keras_kd.models.fold_bottleneck import fold_bottleneck
from keras_kd.models.shallow_mimic import shallow_mimic
from keras_kd.models.small_convnet import small_convnet
from keras_kd.models.wide_resnet import wide_resnet

__all__ = ["fold_bottleneck", "shallow_mimic", "small_convnet", "wide_resnet"]
