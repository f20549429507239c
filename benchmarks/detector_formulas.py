"""The losses of detectors as plain functions; see `method_formulas.py`."""

from keras import ops

from benchmarks.method_formulas import divergence


def by_confidence(values, logits):
    sure = ops.sigmoid(ops.max(logits, axis=-1))
    total = ops.maximum(ops.sum(sure, axis=(1, 2)), 1)
    return ops.sum(sure * values, axis=(1, 2)) / total


def size(low, high):
    return ops.prod(ops.relu(high - low), axis=-1)


def box_distance(teacher, student):
    low = ops.minimum(teacher[..., :2], teacher[..., 2:])
    high = ops.maximum(teacher[..., :2], teacher[..., 2:])
    first, second = student[..., :2], student[..., 2:]
    shared = size(ops.maximum(low, first), ops.minimum(high, second))
    union = size(low, high) + size(first, second) - shared
    start = ops.minimum(low, ops.minimum(first, second))
    end = ops.maximum(high, ops.maximum(first, second))
    around = size(start, end)
    turned = ops.sum(ops.relu(first - second) / (end - start), axis=-1)
    return 1 - shared / union + (around - union) / around + turned


def detections(loss, teacher, student, labels):
    p, q = (
        ops.sigmoid(ops.stack([x[0], -x[0]], axis=-1))
        for x in (teacher, student)
    )
    scores = ops.mean(divergence(p, q), axis=-1)
    values = scores + box_distance(teacher[1], student[1])
    return by_confidence(values, teacher[0])


def weighted_hint(loss, teacher, student, labels):
    square = ops.mean((student - teacher[0]) ** 2, axis=-1)
    return by_confidence(square, teacher[1])
