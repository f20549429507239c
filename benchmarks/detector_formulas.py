"""The losses of detectors as plain functions; see `method_formulas.py`."""

from keras import ops

from benchmarks.method_formulas import divergence


def by_confidence(values, logits):
    sure = ops.sigmoid(ops.max(logits, axis=-1))
    total = ops.maximum(ops.sum(sure, axis=(1, 2)), 1)
    return ops.sum(sure * values, axis=(1, 2)) / total


def box_distance(a, b):
    a, b = (
        (
            ops.minimum(x[..., :2], x[..., 2:]),
            ops.maximum(x[..., :2], x[..., 2:]),
        )
        for x in (a, b)
    )
    shared = ops.prod(
        ops.relu(ops.minimum(a[1], b[1]) - ops.maximum(a[0], b[0])), axis=-1
    )
    union = sum(ops.prod(high - low, axis=-1) for low, high in (a, b)) - shared
    around = ops.prod(
        ops.maximum(a[1], b[1]) - ops.minimum(a[0], b[0]), axis=-1
    )
    return 1 - shared / union + (around - union) / around


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
