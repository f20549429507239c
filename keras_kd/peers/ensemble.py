"""All peers as one model."""

from keras import ops


def mean(logits):
    """The mean of the logits of several models, in float32."""
    return sum(ops.cast(one, "float32") for one in logits) / len(logits)


def by_head(shares, heard, students):
    """Labels, logits and sample weights of each peer, then of the ensemble.

    Args:
        shares: A `Share` for each peer; the same one for all, or shards.
        heard: For each peer, what the others say about its share: a `Pass` by
            index.
        students: Each peer's own `Pass` on its share.

    Returns:
        Three lists. The ensemble's examples are in the order of the batch, or
        shard after shard.
    """
    labels = [share.y for share in shares]
    weights = [share.sample_weight for share in shares]
    logits = [student.output for student in students]
    if not shares[0].is_shard:
        return (
            [*labels, labels[0]],
            [*logits, mean(logits)],
            [*weights, weights[0]],
        )
    together = [
        mean([one.output for one in (others | {index: own}).values()])
        for index, (others, own) in enumerate(zip(heard, students, strict=True))
    ]
    return (
        [*labels, _joined(labels)],
        [*logits, _joined(together)],
        [*weights, _joined(weights)],
    )


def _joined(tensors):
    """The rows of several tensors, or `None`."""
    return None if tensors[0] is None else ops.concatenate(tensors, axis=0)
