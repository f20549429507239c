"""Knowledge review, the whole loss, in float64 NumPy.

Its parts are in `rebuilt_maps.py`. Maps are `(batch, height, width, channels)`,
a vector is a map of one position.
"""

import numpy as np

from tests import reference
from tests.references import rebuilt_maps


def normalise(maps, scale, offset, counts, epsilon=1e-5):
    """Batch normalisation by the examples that count, as in training."""
    seen = maps[counts]
    mean, variance = seen.mean(axis=(0, 1, 2)), seen.var(axis=(0, 1, 2))
    return scale * (maps - mean) / np.sqrt(variance + epsilon) + offset


def review(teachers, students, levels, counts=None):
    """Chen et al. 2021, ReviewKD: the sum over levels of HCL after ABF.

    Args:
        teachers: Maps of the teacher, the shallowest first.
        students: As many of the student.
        levels: For each a dict: `narrow` `(channels, middle)`, the 1x1
            convolution, and `narrow_norm`, scale and offset of the
            normalisation behind it; `gates`, kernel and bias, but for the
            deepest; `wide` `(3, 3, middle, teacher's channels)` and
            `wide_norm`.
        counts: Which examples are there at all, `(batch,)`.

    Returns:
        `(batch,)`; 0 for examples that do not count.
    """
    teachers, students = (
        [reference.float64(maps) for maps in side]
        for side in (teachers, students)
    )
    if counts is None:
        counts = np.ones(len(teachers[0]), bool)
    values, passed = np.zeros(len(counts)), None
    for teacher, student, level in reversed(
        list(zip(teachers, students, levels, strict=True))
    ):
        fused = normalise(
            student @ level["narrow"], *level["narrow_norm"], counts
        )
        if passed is not None:
            fused = rebuilt_maps.attention_fusion(
                passed, fused, *level["gates"]
            )
        # What goes on is of the student's size: sizes meet again in the next.
        passed = fused
        enlarged = rebuilt_maps.enlarge(fused, *teacher.shape[1:3])
        made = normalise(
            rebuilt_maps.convolve(enlarged, level["wide"]),
            *level["wide_norm"],
            counts,
        )
        values += rebuilt_maps.hierarchical_context(teacher, made)
    return np.where(counts, values, 0)
