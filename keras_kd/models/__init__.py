"""Architectures to begin with."""

from keras_kd.models.small_convnet import small_convnet

__all__ = ["small_convnet"]
