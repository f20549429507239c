"""Placeholders for a backend without a training step."""

import keras

# Losses and metrics work, and nothing trains.
from keras.ops import cond as cond

from keras_kd.backend.neutral import after as after
from keras_kd.backend.neutral import is_recorded as is_recorded


def _refuse(*args, **kwargs):
    raise RuntimeError(
        "The Keras backend must be tensorflow, jax or torch, since keras_kd "
        "has no training step for others. Received: "
        f"backend={keras.backend.backend()}. Set the environment variable "
        "KERAS_BACKEND to one of these before Keras is imported."
    )


class Trainer:
    """Stands in for the training step: making an object of it fails."""

    def __init__(self, *args, **kwargs):
        _refuse()


def check_finite(tensor, message, allows_minus_infinity=False):
    """Returns the tensor: metrics work without a check, and nothing trains."""
    return tensor


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _refuse
