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
    labels = [share.counted(share.y) for share in shares]
    weights = [share.counted(share.sample_weight) for share in shares]
    logits = [
        share.counted(student.output)
        for share, student in zip(shares, students, strict=True)
    ]
    if not shares[0].is_shard:
        return (
            [*labels, labels[0]],
            [*logits, mean(logits)],
            [*weights, weights[0]],
        )
    together = []
    for index, (share, others) in enumerate(zip(shares, heard, strict=True)):
        everyone = others | {index: students[index]}
        outputs = [one.output for one in everyone.values()]
        together.append(share.counted(mean(outputs)))
    return tuple(
        [*parts, ops.concatenate(joined, axis=0)]
        for parts, joined in (
            (labels, labels),
            (logits, together),
            (weights, weights),
        )
    )
