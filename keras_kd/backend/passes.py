"""Passes of a model: the Keras masks of tensors, and weights that stay."""

import contextlib
import functools
import warnings
import weakref

import keras
from keras import ops

# Models that `keep` has warned of; a pass may be traced many times.
_warned = weakref.WeakSet()


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


def read_only(pairs=()):
    """Makes a scope in which no variable is changed.

    Args:
        pairs: Variables, each with the value that it has in the scope.
    """
    return keras.StatelessScope(pairs, initialize_variables=False)


@contextlib.contextmanager
def unchanged(model):
    """Keeps the weights of a model as they are while the block runs it.

    A model may assign its own variables in inference mode, such as batch
    normalisation that is called with `training=True`: such changes are dropped,
    with one warning. Seeds advance, so that a random model draws other numbers
    the next time.

    Args:
        model: A `keras.Model`.
    """
    with read_only() as scope:
        yield
    values = [(v, scope.get_current_value(v)) for v in model.variables]
    keep(model, [(v, value) for v, value in values if value is not None])


def keep(model, assigned):
    """Drops what a pass assigned to the weights of a model, and no more.

    Args:
        model: A `keras.Model`.
        assigned: Variables of it, each with its new value.
    """
    weights = {id(variable) for variable in model.weights} if assigned else ()
    for variable, value in assigned:
        if id(variable) not in weights:
            variable.assign(value)
        elif model not in _warned:
            _warned.add(model)
            warnings.warn(
                f'"{model.name}" changes its own weights when it is called '
                f"with training=False, such as {variable.path}. The changes "
                "are dropped: a teacher stays as it is.",
                stacklevel=2,
            )
