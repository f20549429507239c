"""Dropout with a fixed choice of units (Lopes et al., 2017)."""

import contextlib

from keras import ops

from keras_kd import taps
from keras_kd._core.call_hooks import hooked
from keras_kd.transfer_sets._activations.units import hidden_layers


class FixedDropout:
    """Leaves out units of a teacher, the same ones for a whole batch.

    The units that are left have to give what is wanted without the others, so
    that an input cannot rely on few of them. What is left is multiplied by
    `1 / (1 - rate)`, so that the layer behind it gets as much as without
    dropout, which is how the records were made.

    Args:
        teacher: A built `keras.Model`.
        rate: Number >= 0 and below 1, which part of the units of each hidden
            layer with a kernel is left out.
    """

    def __init__(self, teacher, rate):
        self._rate = rate
        self._shapes = hidden_layers(teacher) if rate else {}
        self._layers = [taps.find(teacher, path) for path in self._shapes]

    def draw(self, random):
        """Chooses units.

        Args:
            random: A NumPy generator.

        Returns:
            A list of float32 arrays, one for each layer.
        """
        return [
            (
                (random.random((1, *shape)) >= self._rate) / (1 - self._rate)
            ).astype("float32")
            for shape in self._shapes.values()
        ]

    @contextlib.contextmanager
    def applied(self, masks):
        """Applies the drawn choice to the layers' outputs in a block."""
        with contextlib.ExitStack() as hooks:
            for layer, mask in zip(self._layers, masks, strict=True):
                hooks.enter_context(hooked(layer, "call", _times(mask)))
            yield


def _times(mask):
    def hook(call, *args, **kwargs):
        output = call(*args, **kwargs)
        return output * ops.cast(mask, output.dtype)

    return hook
