"""A teacher whose layers follow one another, as a graph with weights."""

import contextlib

import keras
import numpy as np
from keras import layers
from keras import ops

from keras_kd import taps
from keras_kd._core import tapped_model
from keras_kd._core.call_hooks import hooked
from keras_kd._core.final_activations import skipping
from keras_kd.transfer_sets._activations import inputs
from keras_kd.transfer_sets._activations.units import flat
from keras_kd.transfer_sets._activations.units import has_kernel

# What changes no connection between units.
_SKIPPED = (
    layers.Activation,
    layers.AlphaDropout,
    layers.Dropout,
    layers.ELU,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ReLU,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
)
# Linear functions of their input, up to a constant.
_LINEAR = (
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.BatchNormalization,
    layers.Cropping2D,
    layers.Flatten,
    layers.GlobalAveragePooling1D,
    layers.GlobalAveragePooling2D,
    layers.Permute,
    layers.Reshape,
    layers.ZeroPadding2D,
)
# A maximum is no connection of a fixed weight: its mean stands for it.
_MAXIMA = {
    layers.MaxPooling1D: layers.AveragePooling1D,
    layers.MaxPooling2D: layers.AveragePooling2D,
    layers.GlobalMaxPooling1D: layers.GlobalAveragePooling1D,
    layers.GlobalMaxPooling2D: layers.GlobalAveragePooling2D,
}
_ROWS = 256


class Chain:
    """The hidden units of a teacher, its logits, and the weights between them.

    The nodes come in groups: what each layer with a kernel but the first takes
    in, then the logits. The input of the teacher is no node, so that no record
    holds an image. What a layer takes in is activated and pooled; a pooling
    between two groups is a part of the weights between them.

    Args:
        teacher: A built `keras.Model` that gives logits.

    Attributes:
        matrices: float64 arrays, one from each group to the next, of shape
            `(units of the one, units of the other)`.

    Raises:
        ValueError: If the layers behind the first kernel are no chain, or
            there are less than two layers with a kernel.
    """

    def __init__(self, teacher):
        self.teacher = teacher
        calls, output = _calls(teacher)
        kernels = [i for i, call in enumerate(calls) if has_kernel(call[0])]
        if len(kernels) < 2:
            raise _refusal(
                teacher,
                f"it has {len(kernels)} layers with a kernel, and a graph of "
                "hidden units and logits needs two",
            )
        _check_chain(teacher, calls[kernels[0] :], output)
        self._readers = [calls[i][0] for i in kernels[1:]]
        ends = [*kernels[2:], len(calls)]
        self.matrices = [
            _matrix(teacher, calls[begin:end])
            for begin, end in zip(kernels[1:], ends, strict=True)
        ]

    def __call__(self, x):
        """Runs the teacher in inference mode.

        Args:
            x: A batch of inputs.

        Returns:
            A float32 tensor `(batch, units)` for each group.
        """
        taken = {}

        def note(layer):
            def hook(call, x, *args, **kwargs):
                taken[id(layer)] = x
                return call(x, *args, **kwargs)

            return hook

        with contextlib.ExitStack() as hooks:
            for layer in self._readers:
                hooks.enter_context(hooked(layer, "call", note(layer)))
            output = tapped_model.run(self.teacher, x, training=False)
        groups = [taken[id(layer)] for layer in self._readers]
        return [flat(tensor) for tensor in (*groups, output)]


def _calls(teacher):
    """Notes `(layer, input, output)` of all calls, and the teacher's output."""
    calls = []

    def note(layer):
        def hook(call, x, *args, **kwargs):
            output = call(x, *args, **kwargs)
            calls.append((layer, x, output))
            return output

        return hook

    with keras.StatelessScope(), contextlib.ExitStack() as hooks:
        for layer in map(taps.unwrapped, taps.layers(teacher).values()):
            if not taps.children(layer):
                hooks.enter_context(hooked(layer, "call", note(layer)))
        output = tapped_model.run(
            teacher, inputs.example(teacher), training=False
        )
    return calls, output


def _check_chain(teacher, calls, output):
    """Validates that each layer takes the output of the one before."""
    seen = {}
    following = [call[1] for call in calls[1:]] + [output]
    for (layer, _, given), taken in zip(calls, following, strict=True):
        if seen.setdefault(id(layer), 0):
            raise _refusal(teacher, f'"{layer.name}" is called twice')
        seen[id(layer)] += 1
        if keras.tree.is_nested(taken) or not np.array_equal(
            ops.convert_to_numpy(given), ops.convert_to_numpy(taken)
        ):
            raise _refusal(
                teacher, f'what "{layer.name}" gives is changed on its way'
            )


def _refusal(teacher, reason):
    return ValueError(
        "`teacher` must be a chain of layers, each of which takes what the one "
        "before it gives, for spectral records, since the weights between them "
        f'make a graph. Received: teacher="{teacher.name}"; {reason}. Record '
        "`AllLayers` instead."
    )


def _matrix(teacher, calls):
    """Weights from what the first of some layers takes to the last's output."""
    shape = tuple(calls[0][1].shape[1:])
    functions = [_linear_part(teacher, layer) for layer, _, _ in calls]
    impulses = np.eye(int(np.prod(shape)), dtype="float32")
    rows = []
    for start in range(0, len(impulses), _ROWS):
        tensor = ops.reshape(impulses[start : start + _ROWS], (-1, *shape))
        with keras.StatelessScope():
            for function in functions:
                tensor = function(tensor)
        rows.append(ops.convert_to_numpy(flat(tensor)))
    return np.concatenate(rows).astype("float64")


def _linear_part(teacher, layer):
    """A layer without its constant and its activation, as a function."""
    if isinstance(layer, _SKIPPED):
        return lambda x: x
    for maximum, mean in _MAXIMA.items():
        if isinstance(layer, maximum):
            config = layer.get_config() | {"name": None}
            return mean.from_config(config)
    if not has_kernel(layer) and not isinstance(layer, _LINEAR):
        raise _refusal(
            teacher,
            f'"{layer.name}", a {type(layer).__name__}, is no fixed connection',
        )

    def function(x):
        if not has_kernel(layer):
            return _minus_constant(layer, x)
        with skipping([layer] if hasattr(layer, "activation") else []):
            return _minus_constant(layer, x)

    return function


def _minus_constant(layer, x):
    zero = tapped_model.run(layer, ops.zeros_like(x[:1]), training=False)
    return tapped_model.run(layer, x, training=False) - zero
