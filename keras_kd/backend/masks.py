"""Reads and sets Keras masks of tensors."""

import functools

import keras
from keras import ops


class Mask(keras.layers.Layer):
    """Returns the Keras mask of a tensor, or `None`.

    A layer's `mask` argument is the public way to it.
    """

    def __init__(self):
        super().__init__(name="mask", autocast=False)
        self.supports_masking = True

    def call(self, x, mask=None):
        return mask

    def compute_output_spec(self, x, mask=None):
        return mask


class Marked(keras.layers.Layer):
    """Gives a tensor a Keras mask.

    Args:
        mask: Boolean, `(batch, ...)`.
    """

    def __init__(self, mask):
        super().__init__(name="marked", autocast=False)
        self.supports_masking = True
        self.mask = mask

    def call(self, x):
        return x

    def compute_mask(self, inputs, previous_mask):
        return self.mask


def read_mask(tensor):
    """The Keras mask of a tensor, or `None`."""
    return _reader()(tensor)


@functools.cache
def _reader():
    # One for all: a compiled step of PyTorch cannot make a layer.
    return Mask()


def with_mask(tensor, mask):
    """The tensor with a Keras mask, or as it is if `mask` is `None`."""
    # A copy, since a mask belongs to the tensor itself.
    return tensor if mask is None else Marked(mask)(ops.copy(tensor))
