"""All peers as one model."""

from keras import ops

from keras_kd._core import reduction
from keras_kd._training import targets


def mean(logits):
    """The mean of the logits of several models, in float32."""
    return sum(ops.cast(one, "float32") for one in logits) / len(logits)


def by_head(shares, heard, students):
    """Targets and logits of each peer, then of the ensemble.

    Args:
        shares: A `PeerBatch` for each peer; the same one for all, or shards.
        heard: For each peer, the others' outputs for its share: a
            `ForwardPass` by index.
        students: Each peer's own `ForwardPass` on its share.

    Returns:
        Two lists. The ensemble's examples are in the order of the batch, or
        shard after shard.
    """
    found = [share.targets for share in shares]
    logits = [student.output for student in students]
    if not shares[0].is_shard:
        return [*found, found[0]], [*logits, _joint(logits)]
    together = [
        _joint([one.output for one in (others | {index: own}).values()])
        for index, (others, own) in enumerate(zip(heard, students, strict=True))
    ]
    mask = _joined([reduction.read_mask(logits) for logits in together])
    joined = reduction.with_mask(_joined(together), mask)
    return [*found, targets.joined(found)], [*logits, joined]


def _joint(logits):
    """The mean of logits, with the mask that they have in common."""
    masks = [reduction.read_mask(one) for one in logits]
    together = mean(logits)
    mask = reduction.combine_masks(together[..., 0], *masks)
    return reduction.with_mask(together, mask)


def _joined(tensors):
    """The rows of several tensors, or `None` where one is."""
    if any(tensor is None for tensor in tensors):
        return None
    return ops.concatenate(tensors, axis=0)
