"""Losses of detectors, in float64 NumPy, one box after the other.

The teacher comes first. Class logits are `(batch, positions, classes)`, boxes
`(batch, positions, 4)`, as two opposite corners.
"""

import numpy as np

from tests import reference


def meeting(first, second):
    """The length that two intervals `(start, end)` share."""
    return max(0.0, min(first[1], second[1]) - max(first[0], second[0]))


def generalized_overlap(first, second):
    """Rezatofighi et al. 2019, algorithm 2: GIoU of two boxes.

    Their corners may come in either order.
    """
    sides = [
        [sorted((box[axis], box[axis + 2])) for axis in (0, 1)]
        for box in (first, second)
    ]
    areas = [np.prod([end - start for start, end in box]) for box in sides]
    shared = np.prod([meeting(*pair) for pair in zip(*sides, strict=True)])
    union = sum(areas) - shared
    around = np.prod(surrounding(*sides))
    return shared / union - (around - union) / around


def surrounding(first, second):
    """Width and height of the smallest box around two lists of intervals."""
    return [
        max(one[1], other[1]) - min(one[0], other[0])
        for one, other in zip(first, second, strict=True)
    ]


def box_distance(teacher, student):
    """1 - GIoU; a reversed box of the student is a line, and as far as that.

    Such a box shares nothing and has no area, so GIoU is that of the teacher's
    area and what is around both, and each reversed side adds its part of the
    latter's.
    """
    spans = [(student[axis], student[axis + 2]) for axis in (0, 1)]
    if all(start <= end for start, end in spans):
        return 1 - generalized_overlap(teacher, student)
    sides = [sorted((teacher[axis], teacher[axis + 2])) for axis in (0, 1)]
    around = surrounding(sides, [sorted(span) for span in spans])
    covered = np.prod([end - start for start, end in sides]) / np.prod(around)
    turned = [
        max(start - end, 0) / side
        for (start, end), side in zip(spans, around, strict=True)
    ]
    return 2 - covered + sum(turned)


def box_distances(teacher, student):
    """Distances of pairs of boxes, `(batch, positions)`."""
    teacher, student = reference.float64(teacher), reference.float64(student)
    return np.array(
        [
            [box_distance(*pair) for pair in zip(*of_one, strict=True)]
            for of_one in zip(teacher, student, strict=True)
        ]
    )


def by_confidence(values, logits, counts=None):
    """Means of `values` by the teacher's highest probability of a class.

    Args:
        values: `(batch, positions)`.
        logits: The teacher's, `(batch, positions, classes)`.
        counts: Boolean, `(batch, positions)`, which take part.
    """
    sure = (1 / (1 + np.exp(-reference.float64(logits)))).max(axis=-1)
    if counts is not None:
        sure = sure * counts
    return np.array(
        [
            (of_one * weights).sum() / max(weights.sum(), 1.0)
            for of_one, weights in zip(values, sure, strict=True)
        ]
    )


def soft_targets(
    teacher, student, temperature=1.0, box_weight=1.0, counts=(None, None)
):
    """Soft scores and boxes, both by the teacher's confidence, `(batch,)`.

    Args:
        teacher: Class logits and boxes.
        student: The same.
        temperature: What divides the logits.
        box_weight: The factor on the boxes.
        counts: Which positions take part, of the scores and of the boxes.
    """
    scores = reference.binary_soft_targets(teacher[0], student[0], temperature)
    boxes = box_distances(teacher[1], student[1])
    return by_confidence(scores, teacher[0], counts[0]) + (
        box_weight * by_confidence(boxes, teacher[0], counts[1])
    )


def weighted_hint(feature, logits, student, counts=None):
    """Mean squared differences of features by the teacher's confidence.

    Args:
        feature: The teacher's, `(batch, positions, channels)`.
        logits: The teacher's at the same positions.
        student: The student's feature, of the same shape.
        counts: Which positions take part.
    """
    squares = (reference.float64(student) - reference.float64(feature)) ** 2
    return by_confidence(squares.mean(axis=-1), logits, counts)
