"""Architectures to begin with."""

from keras_kd.models.small_convnet import small_convnet
from keras_kd.models.wide_resnet import wide_resnet

__all__ = ["small_convnet", "wide_resnet"]
