"""All peers as one model."""

from keras import ops


def mean(logits):
    """The mean of the logits of several models, in float32."""
    return sum(ops.cast(one, "float32") for one in logits) / len(logits)


def ensemble(shares, heard, students):
    """Labels, mean logits and sample weights of all examples of a batch.

    Args:
        shares: A `Share` for each peer; the same one for all, or shards.
        heard: For each peer, what the others say about its share: a `Pass` by
            index.
        students: Each peer's own `Pass` on its share.

    Returns:
        `(y, y_pred, sample_weight)`. The order of the examples is that of the
        batch, or shard after shard.
    """
    if all(share is shares[0] for share in shares):
        logits = mean([student.output for student in students])
        return shares[0].y, logits, shares[0].sample_weight
    logits = [
        mean([one.output for one in (others | {index: own}).values()])
        for index, (others, own) in enumerate(zip(heard, students, strict=True))
    ]
    return tuple(
        ops.concatenate(parts, axis=0)
        for parts in (
            [share.y for share in shares],
            logits,
            [share.sample_weight for share in shares],
        )
    )
