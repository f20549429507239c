"""Wrong uses of what predicts at every position: resolutions and overlap."""

import functools

import keras
import numpy as np

from keras_kd import losses
from keras_kd import metrics
from keras_kd import teachers
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import wrong


def _of_sides():
    rows = []
    for of, make in (
        ("losses.SoftTargets", losses.SoftTargets),
        ("losses.Hint", losses.Hint),
        ("metrics.TeacherAgreement", metrics.TeacherAgreement),
    ):
        values = ("both", True, "Student", 2)
        rows += wrong(of, make, "resize", *values, remedy="student")
    return rows


def _of_shapes():
    vectors = np.ones((2, 3), "float32")
    long, short = (np.ones((2, length, 3), "float32") for length in (5, 4))
    several = {"teacher_tap": ("a", "b"), "student_tap": ("a", "b")}
    review = functools.partial(losses.KnowledgeReview, **several)
    return [
        Row(
            "losses.LogitRegression",
            "another length",
            lambda: losses.LogitRegression()(long, short),
            "LogitRegression",
            'Give `resize="student"`',
            lambda: losses.LogitRegression(resize="student")(long, short),
        ),
        Row(
            "losses.SoftTargets",
            "nothing to resize",
            lambda: losses.SoftTargets(resize="student")(vectors, vectors),
            "resize",
            "resize='student', teacher of shape (2, 3)",
            lambda: losses.SoftTargets()(vectors, vectors),
        ),
        Row(
            "losses.KnowledgeReview",
            "several maps to resize",
            lambda: review(resize="teacher"),
            "resize",
            "resize='teacher', student_tap=('a', 'b')",
            review,
        ),
    ]


def _of_overlap():
    of, overlap = "metrics.TeacherMeanIoU", metrics.TeacherMeanIoU
    scores = np.eye(3)
    return [
        *wrong(of, overlap, "num_classes", 1, "3", None, 3.5, remedy=3),
        Row(
            of,
            "another number of classes",
            lambda: overlap(2).update_state(scores, scores),
            "num_classes",
            "num_classes=2 for 3 classes",
            lambda: overlap(3).update_state(scores, scores),
        ),
    ]


def _of_augmentation():
    of = "teachers.Augmentation"
    flip = functools.partial(teachers.Augmentation, keras.layers.RandomFlip())
    return [
        *wrong(of, flip, "labels", "masks", {"y": 3}, [None], remedy="mask"),
        *wrong(of, flip, "outside", "drop", None, remedy="clip"),
        *wrong(of, flip, "box_format", "wh", "rel_xyxy", None, remedy="xywh"),
        Row(
            of,
            "a layer that mixes images",
            lambda: teachers.Augmentation(keras.layers.MixUp(), labels="mask"),
            "layers",
            "labels='mask', and `MixUp`",
            flip,
        ),
    ]


def rows():
    """All of them."""
    return _of_sides() + _of_shapes() + _of_overlap() + _of_augmentation()
