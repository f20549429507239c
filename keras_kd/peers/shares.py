"""The part of a batch that one peer learns from."""

import dataclasses
from typing import Any

import keras
from keras import ops

from keras_kd import batch


@dataclasses.dataclass(frozen=True)
class Share:
    """Examples for one peer.

    Attributes:
        x: Input, with reserved entries.
        y: Labels, or `None`.
        sample_weight: Sample weights, or `None`.
        examples: Their number, for the logs; 0 if one of weight 0 stands in
            for none.
        is_shard: Whether it may be empty.
    """

    x: Any
    y: Any
    sample_weight: Any
    examples: Any
    is_shard: bool = False

    @property
    def reserved(self):
        """Reserved entries of the batch, by name."""
        return batch.split(self.x)[1]

    def counted(self, tensor):
        """The rows of a tensor, or `None`, without one that stands in."""
        if tensor is None or not self.is_shard:
            return tensor
        return tensor[: self.examples]


def whole(x, y, sample_weight):
    """The whole batch as a share.

    Args:
        x: Input, with reserved entries.
        y: Labels, also in a dict or list for the only output, or `None`.
        sample_weight: Sample weights likewise.
    """
    y, sample_weight = (
        batch.of_output(one, (), None) for one in (y, sample_weight)
    )
    return Share(x, y, sample_weight, batch.size(x))


def shards(share, count):
    """Shares a batch out by example ids: peer k gets those equal to k.

    Args:
        share: The `Share` of the whole batch.
        count: Number of peers, which the ids are divided by.

    Returns:
        List of a `Share` for each peer. One whose part would be empty gets
        the first example with weight 0, since the mean of nothing is nan.

    Raises:
        ValueError: If the data has no example ids.
    """
    ids = share.reserved.get("example_ids")
    if ids is None:
        raise ValueError(
            "The data must have example ids, since `shards=True` shares the "
            "examples out by them. Received: example_ids=None. Prepare it with "
            "`batch.attach_example_ids`, before you shuffle and batch."
        )
    return [_shard(share, ops.equal(ids % count, i)) for i in range(count)]


def _shard(share, is_mine):
    is_first = ops.arange(ops.size(is_mine)) == 0
    is_taken = is_mine | (is_first & ops.logical_not(ops.any(is_mine)))
    places = ops.cast(ops.where(is_taken)[0], "int32")

    def mine(tensor):
        return None if tensor is None else ops.take(tensor, places, axis=0)

    x, y, weight = keras.tree.map_structure(
        mine, (share.x, share.y, share.sample_weight)
    )
    counts = ops.cast(mine(is_mine), "float32")
    if weight is None:
        weight = counts
    else:
        while len(counts.shape) < len(weight.shape):
            counts = ops.expand_dims(counts, axis=-1)
        weight = weight * ops.cast(counts, weight.dtype)
    examples = ops.cast(ops.count_nonzero(is_mine), "int32")
    return Share(x, y, weight, examples, is_shard=True)
