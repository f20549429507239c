"""Records of compressed activations, and the inputs that would give them."""

import numpy as np
from keras import ops

from keras_kd.transfer_sets._activations import contents
from keras_kd.transfer_sets._activations import spectrum
from keras_kd.transfer_sets._activations.chain import Chain

# How far a signal may be from what it was on the machine of the record.
_TOLERANCE = 0.01


class Graphs:
    """The graphs of a teacher, and signals on them.

    Args:
        content: A `SpectralAllLayers` or `SpectralLayerPairs`.
        teacher: The teacher.

    Attributes:
        bases: The eigenbasis of each graph.
    """

    def __init__(self, content, teacher):
        self._chain = Chain(teacher)
        matrices = self._chain.matrices
        is_pairs = isinstance(content, contents.SpectralLayerPairs)
        # From which group to which, the last excluded.
        self._ranges = [(0, len(matrices) + 1)]
        if is_pairs:
            self._ranges = [(i, i + 2) for i in range(len(matrices))]
        self.bases = [
            spectrum.eigenbasis(spectrum.adjacency(matrices[begin : end - 1]))
            for begin, end in self._ranges
        ]

    def __call__(self, x):
        """Signals of a batch: a float32 `(batch, nodes)` for each graph."""
        groups = self._chain(x)
        return [
            ops.concatenate(groups[begin:end], axis=-1)
            for begin, end in self._ranges
        ]


def measure(content, teacher, batches, num_classes):
    """Compresses the activations of some examples of each class.

    Args:
        content: A `SpectralAllLayers` or `SpectralLayerPairs`.
        teacher: The teacher.
        batches: Gives `(x, y)`.
        num_classes: Number of classes.

    Returns:
        `((), arrays)`. With `c` the class and `g` the graph:
        `coefficients.c.g` and `frequencies.c.g` `(examples, number)`; and
        `check.g`, one signal as it is to be read.

    Raises:
        ValueError: If the teacher is no chain of layers, or there is no
            example of a class.
    """
    graphs = Graphs(content, teacher)
    arrays = {}
    chosen = _choose(batches, num_classes, content.examples_per_class)
    for label, examples in enumerate(chosen):
        for index, signals in enumerate(graphs(examples)):
            basis = graphs.bases[index]
            signals = ops.convert_to_numpy(signals)
            if not np.all(np.isfinite(signals)):
                raise ValueError(
                    "`teacher` must have finite activations, since they are "
                    "recorded. Received: nan or infinity from "
                    f'"{teacher.name}".'
                )
            coefficients, frequencies = spectrum.compress(
                signals, basis, content.kept
            )
            place = f"{label}.{index}"
            arrays[f"coefficients.{place}"] = coefficients
            arrays[f"frequencies.{place}"] = frequencies
            if label == 0:
                arrays[f"check.{index}"] = _first(arrays, index, basis)
    return (), arrays


def _choose(batches, num_classes, count):
    """The first examples of each class."""
    chosen = [[] for _ in range(num_classes)]
    for x, y in batches:
        for example, label in zip(x, y, strict=True):
            if len(chosen[label]) < count:
                chosen[label].append(example)
        if all(len(examples) == count for examples in chosen):
            break
    missing = [label for label, found in enumerate(chosen) if not found]
    if missing:
        raise ValueError(
            "`data` must have an example of each class, since inputs are made "
            f"for each. Received: none of the classes {missing[:5]}."
        )
    return [np.stack(examples) for examples in chosen]


def _first(arrays, index, basis):
    """The first signal of a graph, as the arrays give it."""
    names = (f"coefficients.0.{index}", f"frequencies.0.{index}")
    return spectrum.expand(*(arrays[name][:1] for name in names), basis)[0]


def spectral_loss(signals, targets):
    """Sum of the squared differences of signals, over nodes and graphs.

    Args:
        signals: List of tensors `(batch, nodes)`.
        targets: The same, from a record.

    Returns:
        `(batch,)`.
    """
    return sum(
        # The tensor first: an array has no minus for one of PyTorch.
        ops.sum(ops.square(signal - target), axis=-1)
        for signal, target in zip(signals, targets, strict=True)
    )


class Objective:
    """Objective of inputs that match a spectral record.

    Args:
        records: `ActivationRecords` of compressed activations.
        teacher: Their teacher.
        rectified: Does not matter here.

    Raises:
        ValueError: If the record reads differently than it was written.
    """

    def __init__(self, records, teacher, rectified=True):
        del rectified  # Signals are activations already.
        self._arrays = records.arrays
        self._graphs = Graphs(records.content, teacher)
        for index, basis in enumerate(self._graphs.bases):
            self._check(index, basis)

    def _check(self, index, basis):
        wanted = self._arrays[f"check.{index}"]
        found = _first(self._arrays, index, basis)
        error = np.linalg.norm(found - wanted)
        if not error <= _TOLERANCE * np.linalg.norm(wanted):
            raise ValueError(
                "`records` must give the signals that were recorded, since "
                "inputs are made from them. Received: a spectral record whose "
                f"first signal is off by {error:.2g}, of "
                f"{np.linalg.norm(wanted):.2g}: this machine finds other "
                "eigenvectors of the teacher's weights. Record `AllLayers`."
            )

    def targets(self, label, first, count, random):
        """Reads the target signals of some inputs of a class.

        The recorded examples are taken in their order, again and again.

        Args:
            label: The class.
            first: Number of inputs of the class before these.
            count: Number of inputs.
            random: A NumPy generator.
        """
        del random
        targets = []
        for index, basis in enumerate(self._graphs.bases):
            names = (f"coefficients.{label}.{index}",)
            names += (f"frequencies.{label}.{index}",)
            arrays = [self._arrays[name] for name in names]
            rows = np.arange(first, first + count) % len(arrays[0])
            targets.append(
                spectrum.expand(*(array[rows] for array in arrays), basis)
            )
        return targets

    def values(self, x, targets):
        """The objective of each input, `(batch,)`."""
        return spectral_loss(self._graphs(x), targets)
