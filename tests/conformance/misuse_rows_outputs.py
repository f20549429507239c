"""Wrong uses of losses on outputs that are known by acronyms."""

import functools
import math

import numpy as np

from keras_kd import losses
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import wrong
from tests.conformance.misuse_rows_losses import compared

# Numbers that they take beside the temperature.
NUMBERS = {
    "ChunkedSoftTargets": {},
    "DecoupledSoftTargets": {"target_weight": 0.0, "non_target_weight": 2.0},
    "InterpolatedSoftTargets": {
        "interpolation": 1.0,
        "adaptation": 0.0,
        "momentum": 0.0,
    },
    "JensenShannonDivergence": {"teacher_share": 0.5},
    "NormalizedSoftTargets": {"non_target_weight": 0.0},
    "ReverseSoftTargets": {},
    "SkewedSoftTargets": {"skew": 0.5},
    "SoftTargetCorrelation": {"inter_weight": 0.0, "intra_weight": 2.0},
}


def _of_numbers():
    of, make = "losses.BoundedRegression", losses.BoundedRegression
    rows = wrong(of, make, "margin", -1, "1", None, math.nan, remedy=0.0)
    three, four = np.ones((2, 3)), np.ones((2, 4))
    for what, student, labels, shown in (
        ("other numbers", four, four, "(2, 4) from the student's output"),
        ("other labels", three, np.ones(2), "shape (2,)"),
    ):
        call = functools.partial(make(), three, student, labels=labels)
        named = "labels" if student is three else "BoundedRegression"
        rows.append(Row(of, what, call, named, shown))
    return rows


def _of_detectors():
    of, make = "losses.BoxSoftTargets", losses.BoxSoftTargets
    rows = wrong(of, make, "temperature", 0, None, "2", remedy=2.0)
    rows += wrong(of, make, "box_weight", -1, "1", math.nan, remedy=0.0)
    formats = ("xyxyx", "center", 4, None, "rel_xyxy", ["xyxy"])
    rows += wrong(of, make, "box_format", *formats, remedy="xywh")
    scores, boxes, vector = (None, 9, 3), (None, 9, 4), (None, 3)
    right = ((scores, boxes), (scores, boxes))
    for title, teacher, student, shown in (
        ("one tap", boxes, boxes, "(None, 9, 4) from the teacher"),
        ("three taps", (scores, boxes, boxes), right[1], "(None, 9, 4), (None"),
        ("boxes first", (boxes, scores), (boxes, scores), "(None, 9, 3))"),
        ("other anchors", (scores, (None, 8, 4)), right[1], "(None, 8, 4)"),
        (
            "other anchors in both",
            ((None, 8, 3), (None, 8, 4)),
            right[1],
            "(None, 8, 3)",
        ),
        ("boxes of 5", (scores, (None, 9, 5)), right[1], "(None, 9, 5)"),
        ("other classes", ((None, 9, 2), boxes), right[1], "(None, 9, 2)"),
    ):
        rows.append(
            Row(
                of,
                title,
                functools.partial(make().build, teacher, student),
                "BoxSoftTargets",
                shown,
                functools.partial(make().build, *right),
            )
        )
    of, make = "losses.ScoreWeightedHint", losses.ScoreWeightedHint
    for title, teacher, student, shown in (
        ("one tap", boxes, boxes, "(None, 9, 4) from the teacher"),
        ("other positions", (boxes, (None, 8, 3)), boxes, "(None, 8, 3)"),
        ("no positions", (vector, vector), vector, "(None, 3)"),
    ):
        rows.append(
            Row(
                of,
                title,
                functools.partial(make().build, teacher, student),
                "ScoreWeightedHint",
                shown,
                functools.partial(make().build, (boxes, scores), boxes),
            )
        )
    return rows


def _of_words():
    make = losses.SortedProbabilities
    right = compared((2, 4, 3), (2, 4, 5), make)
    of, one = "losses.SortedProbabilities", "SortedProbabilities"
    return [
        Row(of, what, compared(theirs, ours, make), one, shown, right)
        for what, theirs, ours, shown in (
            ("other positions", (2, 4, 3), (2, 3, 5), "(2, 4, 3), student"),
            ("one word", (2, 4, 1), (2, 4, 5), "(2, 4, 1)"),
            ("no positions of one model", (2, 4, 3), (2, 5), "(2, 5)"),
        )
    ]


def rows():
    """All of them."""
    rows = _of_numbers() + _of_detectors() + _of_words()
    for name, arguments in NUMBERS.items():
        of = f"losses.{name}"
        values = ("2", None, 0, -1.0, math.nan, math.inf, [2.0], True)
        rows += wrong(
            of, getattr(losses, name), "temperature", *values, remedy=2.0
        )
        for argument, remedy in arguments.items():
            values = (-1, "1", None, math.nan, True)
            rows += wrong(
                of, getattr(losses, name), argument, *values, remedy=remedy
            )
    of, make = "losses.ChunkedSoftTargets", losses.ChunkedSoftTargets
    rows += wrong(of, make, "chunk_size", 0, "9", 1.5, None, True, remedy=1)
    for name, argument in (
        ("ChunkedSoftTargets", "reverse"),
        ("SoftTargets", "standardize_logits"),
        ("DecoupledSoftTargets", "standardize_logits"),
        ("SkewedSoftTargets", "reverse"),
    ):
        rows += flags(f"losses.{name}", getattr(losses, name), argument)
    for name, argument in (
        ("JensenShannonDivergence", "teacher_share"),
        ("SkewedSoftTargets", "skew"),
    ):
        rows += wrong(
            f"losses.{name}", getattr(losses, name), argument, 0.0, 1.0
        )
    of = "losses.InterpolatedSoftTargets"
    make = losses.InterpolatedSoftTargets
    rows += wrong(of, make, "steps", 0, "9", 1.5, remedy=None)
    rows += wrong(of, make, "momentum", 1.0)
    for name in ("DecoupledSoftTargets", "NormalizedSoftTargets"):
        pair = np.zeros((2, 4, 3), "float32")
        label = functools.partial(getattr(losses, name)(), pair, pair)
        of = f"losses.{name}"
        one = np.zeros((2, 4), int)
        rows += wrong(of, label, "labels", one[..., None, None], shown="(2, 4")
        several = {"a": one, "b": one}
        rows.append(
            Row(
                of,
                "labels of several outputs",
                functools.partial(label, labels=several),
                "student_tap",
                "student_tap=None",
                functools.partial(
                    getattr(losses, name)(student_tap="b"),
                    pair,
                    pair,
                    labels=several,
                ),
            )
        )
    return rows
