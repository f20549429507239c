"""Subject of a loss that compares examples with each other."""

import dataclasses

import keras
from keras import ops

from keras_kd import backend
from keras_kd._core import reduction


def of_all_replicas(compared):
    """The same of the examples of all replicas.

    Args:
        compared: What a loss compares, a `compared.Compared`.
    """
    return dataclasses.replace(
        compared,
        teacher=[_marked(*pair) for pair in _joined(compared.teacher)],
        student=[_marked(*pair) for pair in _joined(compared.student)],
        served=_joined(compared.served),
        targets=compared.targets.map(_joined),
    )


def weights(loss, compared, masks):
    """Sample weights, 0 for what masks hide: `(batch,)`.

    Args:
        loss: A built `DistillationLoss`.
        compared: What it compares, a `compared.Compared`.
        masks: Masks of what counts, a list.
    """
    (first, _), *_ = compared.student
    ones = ops.ones(ops.shape(first)[:1], loss.compute_dtype)
    mask = reduction.combine_masks(ones, *masks)
    given = compared.weights(ones)
    found = ones if given is None else ops.cast(given, ones.dtype)
    return found if mask is None else ops.where(mask, found, 0)


def without_weightless(compared):
    """The same with positions of weight 0 hidden; see `Compared.hiding`.

    Args:
        compared: What a loss compares, a `compared.Compared`.
    """
    given = [w for w in compared.given_weights() if w is not None]
    return compared.hiding([ops.not_equal(w, 0) for w in given])


def _joined(structure):
    """Tensors with the rows of all replicas."""
    return keras.tree.map_structure(
        lambda part: backend.all_rows(part) if ops.is_tensor(part) else part,
        structure,
    )


def _marked(tensor, mask):
    """A tensor that has lost its Keras mask, and the mask."""
    if not isinstance(tensor, dict):
        tensor = reduction.with_mask(tensor, mask)
    return tensor, mask
