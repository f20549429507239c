"""Reads the units of a teacher's layers, before their activations."""

import contextlib

import keras
import numpy as np
from keras import ops

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import tapped_model
from keras_kd._core.call_hooks import hooked
from keras_kd.transfer_sets._activations import inputs


class Units:
    """Runs a teacher and returns the units of some layers, and its logits.

    A unit is the sum that a layer computes, before the activation that the
    layer may have: where a ReLU would give zero, it still varies.

    Args:
        teacher: A built `keras.Model` that gives logits.
        paths: Paths of hidden layers.
        temperature: What divides the logits.
    """

    def __init__(self, teacher, paths, temperature):
        self.teacher = teacher
        self.temperature = temperature
        self.layers = [taps.find(teacher, path) for path in paths]

    def __call__(self, x):
        """Runs the teacher in inference mode.

        Args:
            x: A batch of inputs.

        Returns:
            A float32 tensor `(batch, units)` for each layer, then the logits
            divided by the temperature.
        """
        with recording(self.layers) as recorded:
            output = tapped_model.run(self.teacher, x, training=False)
        found = [recorded[id(layer)] for layer in self.layers]
        *hidden, logits = [flat(tensor) for tensor in (*found, output)]
        return [*hidden, logits / self.temperature]


def flat(tensor):
    """A tensor as float32 `(batch, units)`."""
    units = int(np.prod(tensor.shape[1:]))
    return ops.cast(ops.reshape(tensor, (-1, units)), "float32")


@contextlib.contextmanager
def recording(layers):
    """Records the units of some layers while the block runs.

    Args:
        layers: Layers to watch.

    Yields:
        A dict that fills with `id(layer)`: tensor, in the order of the calls.
    """
    units = {}
    with contextlib.ExitStack() as hooks:
        for layer in layers:
            if callable(backend.attributes(layer).get("activation")):
                hook = _before(units, id(layer))
                hooks.enter_context(hooked(layer, "activation", hook))
            else:
                hook = _after(units, id(layer))
                hooks.enter_context(hooked(layer, "call", hook))
        yield units


def _before(units, key):
    def record(activation, x, *args, **kwargs):
        units[key] = x
        return activation(x, *args, **kwargs)

    return record


def _after(units, key):
    def record(call, *args, **kwargs):
        units[key] = call(*args, **kwargs)
        return units[key]

    return record


def has_kernel(layer):
    """Whether a layer multiplies its input by weights."""
    return getattr(layer, "kernel", None) is not None


def hidden_layers(teacher, paths=None):
    """Finds the hidden layers of a teacher, in the order of their calls.

    Args:
        teacher: A built `keras.Model` that gives logits.
        paths: Paths of those to use, or `None` for all that have a kernel. A
            layer that gives the logits themselves is not hidden.

    Returns:
        Dict from paths to the shapes of one example's units.

    Raises:
        ValueError: If a path names no layer, or one that is not called.
    """
    layers = taps.layers(teacher)
    for path in paths or ():
        if path not in layers:
            raise ValueError(
                taps.unknown_tap(teacher, (), path, "teacher", "layers")
            )
    if paths is None:
        paths = [path for path, layer in layers.items() if has_kernel(layer)]
    by_id = {id(layers[path]): path for path in paths}
    with (
        keras.StatelessScope(),
        recording([layers[path] for path in paths]) as recorded,
    ):
        output = tapped_model.run(
            teacher, inputs.example(teacher), training=False
        )
    missing = [path for key, path in by_id.items() if key not in recorded]
    if missing:
        raise ValueError(
            "`layers` must be called when the teacher runs, since their units "
            f'are recorded. Received: {missing} of teacher="{teacher.name}".'
        )
    return {
        by_id[key]: tuple(tensor.shape[1:])
        for key, tensor in recorded.items()
        if not _are_equal(tensor, output)
    }


def _are_equal(first, second):
    return tuple(first.shape) == tuple(second.shape) and np.array_equal(
        ops.convert_to_numpy(ops.cast(first, "float32")),
        ops.convert_to_numpy(ops.cast(second, "float32")),
    )
