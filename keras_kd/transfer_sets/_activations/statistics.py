"""Records of means and covariances, and the inputs that would give them."""

import numpy as np
from keras import ops

from keras_kd.transfer_sets._activations import contents
from keras_kd.transfer_sets._activations.moments import Moments
from keras_kd.transfer_sets._activations.moments import cholesky_factor
from keras_kd.transfer_sets._activations.units import Units
from keras_kd.transfer_sets._activations.units import hidden_layers


def measure(content, teacher, batches, num_classes):
    """Gathers the statistics of each layer for each class.

    Args:
        content: A `TopLayer` or `AllLayers`.
        teacher: The teacher.
        batches: Gives `(x, y)`.
        num_classes: Number of classes.

    Returns:
        `(paths, arrays)`: the hidden layers, and float32 arrays. With `c` the
        class and `l` the layer, the logits last: `mean.c.l` `(units,)`, and
        `factor.c.l` `(units, rank)` or `stddev.c.l` `(units,)`.

    Raises:
        ValueError: If a class has less than two examples, or an activation is
            not finite.
    """
    paths, full_up_to = [], None
    if isinstance(content, contents.AllLayers):
        paths = list(hidden_layers(teacher, content.layers))
        full_up_to = content.max_covariance_units
    units = Units(teacher, paths, content.temperature)
    gathered = [None] * num_classes
    for x, y in batches:
        values = [ops.convert_to_numpy(tensor) for tensor in units(x)]
        _check_finite(values, teacher)
        for label in np.unique(y):
            if gathered[label] is None:
                gathered[label] = _moments(values, full_up_to)
            for moments, value in zip(gathered[label], values, strict=True):
                moments.add(value[y == label])
    _check_counts([0 if one is None else one[0].count for one in gathered])
    arrays = {}
    for label, layers in enumerate(gathered):
        for index, moments in enumerate(layers):
            arrays |= _arrays(f"{label}.{index}", moments)
    return paths, arrays


def _moments(values, full_up_to):
    # Of the logits there is always a covariance.
    *hidden, logits = [value.shape[1] for value in values]
    return [
        *(Moments(size, is_full=size <= full_up_to) for size in hidden),
        Moments(logits, is_full=True),
    ]


def _arrays(place, moments):
    covariance = moments.covariance()
    arrays = {f"mean.{place}": moments.mean}
    if covariance.ndim == 2:
        arrays[f"factor.{place}"] = cholesky_factor(covariance)
    else:
        arrays[f"stddev.{place}"] = np.sqrt(covariance)
    return {name: array.astype("float32") for name, array in arrays.items()}


def _check_finite(values, teacher):
    if not all(np.all(np.isfinite(value)) for value in values):
        raise ValueError(
            "`teacher` must have finite activations, since their mean is "
            f'recorded. Received: nan or infinity from "{teacher.name}".'
        )


def _check_counts(counts):
    few = [label for label, count in enumerate(counts) if count < 2]
    if few:
        raise ValueError(
            "`data` must have at least two examples of each class, since one "
            f"has no covariance. Received: {counts[few[0]]} of class {few[0]}; "
            f"classes with too few are {few[:5]}."
        )


def sample(arrays, label, count, random):
    """Draws units from the normal distributions that a record describes.

    Args:
        arrays: As `measure` returns them.
        label: A class.
        count: How many to draw.
        random: A NumPy generator.

    Returns:
        float32 arrays `(count, units)`, one for each layer, the logits last.
    """
    drawn = []
    while f"mean.{label}.{len(drawn)}" in arrays:
        place = f"{label}.{len(drawn)}"
        mean = arrays[f"mean.{place}"]
        factor = arrays.get(f"factor.{place}")
        if factor is None:
            noise = random.standard_normal((count, len(mean)))
            deviation = noise * arrays[f"stddev.{place}"]
        else:
            # The factor and not the covariance: its square is the covariance
            # of what is drawn.
            deviation = random.standard_normal((count, factor.shape[1]))
            deviation = deviation @ factor.T
        drawn.append((mean + deviation).astype("float32"))
    return drawn


def top_layer_loss(units, targets, rectified=True):
    """Mean squared difference, behind a ReLU or not.

    Args:
        units: Tensor `(batch, units)`.
        targets: The same, sampled.
        rectified: Whether both go through a ReLU. Defaults to `True`.

    Returns:
        `(batch,)`.
    """
    if rectified:
        units, targets = ops.relu(units), ops.relu(targets)
    return ops.mean(ops.square(units - targets), axis=-1)


def all_layers_loss(units, targets, rectified=True):
    """Sum of `top_layer_loss` over layers, each divided by its units.

    Args:
        units: List of tensors `(batch, units)`.
        targets: The same, sampled.
        rectified: As in `top_layer_loss`.

    Returns:
        `(batch,)`.
    """
    return sum(
        top_layer_loss(one, target, rectified) / one.shape[-1]
        for one, target in zip(units, targets, strict=True)
    )


class Objective:
    """Objective of inputs that match a record of statistics.

    Args:
        records: `ActivationRecords` of statistics.
        teacher: Their teacher.
        rectified: As in `top_layer_loss`.
    """

    def __init__(self, records, teacher, rectified=True):
        self._arrays = records.arrays
        self._rectified = rectified
        self._units = Units(
            teacher, records.layers, records.content.temperature
        )
        self._is_top = isinstance(records.content, contents.TopLayer)

    def targets(self, label, first, count, random):
        """Draws the target units of some inputs of a class.

        Args:
            label: The class.
            first: Number of inputs of the class before these.
            count: Number of inputs.
            random: A NumPy generator.
        """
        del first  # Each draw is another.
        return sample(self._arrays, label, count, random)

    def values(self, x, targets):
        """The objective of each input, `(batch,)`."""
        units = self._units(x)
        if self._is_top:
            return top_layer_loss(units[0], targets[0], self._rectified)
        return all_layers_loss(units, targets, self._rectified)
