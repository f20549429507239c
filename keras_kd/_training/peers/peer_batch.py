"""The part of a batch that one peer learns from."""

import dataclasses

import keras
from keras import ops

from keras_kd._training.targets import Examples


class Shard(Examples):
    """Examples of one peer alone; there may be none.

    Without any, `x` has a placeholder, since batch statistics of nothing are
    nan.
    """

    is_shard = True

    def counted(self, result):
        """Drops the outputs for a placeholder example.

        Args:
            result: A `ForwardPass` of a model on `x`.

        Returns:
            A `ForwardPass`, without the outputs for a placeholder.
        """
        first = FirstRows(self.size)
        return dataclasses.replace(
            result,
            output=keras.tree.map_structure(first, result.output),
            tensors=keras.tree.map_structure(first, result.tensors),
        )


class FirstRows(keras.layers.Layer):
    """Takes the first rows of a tensor, and of its Keras mask.

    Args:
        count: Number of rows.
    """

    def __init__(self, count):
        super().__init__(name="first_rows", autocast=False)
        self.supports_masking = True
        self.count = count

    def call(self, x):
        return x[: self.count]

    def compute_mask(self, inputs, previous_mask):
        return None if previous_mask is None else previous_mask[: self.count]


def shards(whole, count):
    """Shares a batch out by example ids: peer k gets those equal to k.

    Args:
        whole: The `Examples` of the whole batch.
        count: Number of peers, which the ids are divided by.

    Returns:
        List of a `Shard` for each peer.

    Raises:
        ValueError: If the data has no example ids.
    """
    ids = whole.reserved.get("example_ids")
    if ids is None:
        raise ValueError(
            "The data must have example ids, since `shards=True` shares the "
            "examples out by them. Received: example_ids=None. Prepare it with "
            "`batch.attach_example_ids`, before you shuffle and batch."
        )
    if len(ids.shape) != 1:
        raise ValueError(
            "The data must have an id for each example. Received: example_ids "
            f"of shape {tuple(ids.shape)}. Call `batch.attach_example_ids` on "
            "single examples, before you batch."
        )
    return [_shard(whole, ops.equal(ids % count, i)) for i in range(count)]


def _shard(whole, is_mine):
    is_first = ops.equal(ops.arange(ops.size(is_mine)), 0)
    is_seen = is_mine | (is_first & ops.logical_not(ops.any(is_mine)))
    return Shard(
        _rows(whole.x, is_seen),
        whole.targets.map(lambda tensor: _rows(tensor, is_mine)),
        _rows(whole.reserved, is_mine),
        ops.cast(ops.count_nonzero(is_mine), "int32"),
    )


def _rows(structure, is_chosen):
    """Takes some rows of each tensor of a structure."""
    places = ops.cast(ops.where(is_chosen)[0], "int32")
    return keras.tree.map_structure(
        lambda t: None if t is None else ops.take(t, places, axis=0), structure
    )
