"""Soft targets of a detector: scores of classes, and boxes."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import TEMPERATURE
from keras_kd._core.arguments import WEIGHT
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.binary_soft_targets import binary_soft_target_divergence
from keras_kd.losses.confidence import confidence
from keras_kd.losses.confidence import mean_by_confidence
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.positions import cover
from keras_kd.losses.shapes import check_same_classes
from keras_kd.losses.shapes import shapes_agree

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh")


def check_format(box_format):
    """Validates the name of a format of boxes."""
    if box_format not in FORMATS:
        raise ValueError(
            f"`box_format` must be one of {', '.join(map(repr, FORMATS))}, "
            "since the corners follow from it. Received: box_format="
            f"{box_format!r}. For another, convert the boxes to one of these."
        )


def corners(boxes, box_format):
    """The lower and the upper corner of boxes.

    Args:
        boxes: `(..., 4)`. Corners may come in either order.
        box_format: One of `FORMATS`.

    Returns:
        Two tensors, `(..., 2)`, the first nowhere greater.
    """
    first, second = ends(boxes, box_format)
    return ops.minimum(first, second), ops.maximum(first, second)


def ends(boxes, box_format):
    """The corners of boxes in the order in which they are given.

    Args:
        boxes: `(..., 4)`.
        box_format: One of `FORMATS`.

    Returns:
        Two tensors, `(..., 2)`.
    """
    first, second = boxes[..., :2], boxes[..., 2:]
    if box_format == "center_xywh":
        first = first - second / 2
    if box_format.endswith("xywh"):
        second = first + second
    return first, second


def area(size):
    """Width times height; 0 where either is negative."""
    size = ops.relu(size)
    return size[..., 0] * size[..., 1]


def box_distance(teacher, student, box_format):
    """Distance of boxes, 1 less the generalized intersection over union.

    Args:
        teacher: Boxes, `(..., 4)`.
        student: Boxes, same shape. Of one that is reversed, the second corner
            before the first, the distance is greater by the length of that, in
            parts of what is around both, or it would never turn.
        box_format: One of `FORMATS`.

    Returns:
        Numbers from 0, equal boxes, to 2, and to 4 for reversed ones, `(...)`.
        Two boxes without area at one place, or on one line along an axis, have
        0.
    """
    low, high = corners(teacher, box_format)
    first, second = ends(student, box_format)
    shared = area(ops.minimum(high, second) - ops.maximum(low, first))
    joint = area(high - low) + area(second - first) - shared
    around = ops.maximum(high, ops.maximum(first, second)) - ops.minimum(
        low, ops.minimum(first, second)
    )
    hull = area(around)
    distance = ops.where(
        hull > 0, 2 - _part(shared, joint) - _part(joint, hull), 0
    )
    reversed_by = _part(ops.relu(first - second), around)
    return distance + ops.sum(reversed_by, axis=-1)


def _part(some, whole):
    """A quotient, 0 of nothing, where its gradient is 0 too."""
    return some / ops.where(whole > 0, whole, 1)


@keras.saving.register_keras_serializable("keras_kd")
class BoxSoftTargets(DistillationLoss):
    """Soft targets of a detector: its class scores and its boxes.

    For detectors that score classes by sigmoids and give one box at each of
    the same anchors, or positions. What counts is where the teacher sees
    something: with its confidence `c`, the highest of its class probabilities
    at an anchor, the loss of one example is

    ```
    mean_c(temperature**2 * KL of the class scores, as in BinarySoftTargets)
    + box_weight * mean_c(1 - GIoU(teacher's box, student's box))
    ```

    where `mean_c(v)` is `sum(c * v) / max(sum(c), 1)` over the anchors, so that
    an image without anything counts little, and the other anchors are left to
    the loss on the labels. GIoU is the intersection of two boxes over their
    union, less the part of the smallest box around both that neither covers:
    it tells how far apart boxes are that do not meet. A reversed box of the
    student, the second corner before the first or a size negative, has no area;
    added to its distance is how long it is that way, in parts of the smallest
    box around both, or it would never turn.

    Boxes are decoded, not offsets from anchors, whose GIoU means nothing: a
    model that gives offsets ends in a layer that decodes them. Their unit does
    not matter, as long as both models have the same, and neither does which
    axis comes first.

    References: [Rezatofighi et al., 2019](https://arxiv.org/abs/1902.09630),
    for the boxes; [Wang et al., 2024](https://arxiv.org/abs/2306.11369), for
    soft scores and GIoU between the predictions of two detectors. The weight by
    the teacher's confidence is that of detectors in use.

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`; it changes no
            weight. Defaults to `1.0`.
        box_weight: Float >= 0, a variable, the factor on the boxes. Defaults to
            `1.0`.
        box_format: `"xyxy"` or `"yxyx"`, two opposite corners; `"xywh"`, a
            corner and the size; `"center_xywh"`, the centre and the size.
            Defaults to `"xyxy"`.
        **kwargs: See `DistillationLoss`. `teacher_tap` and `student_tap` are
            tuples of two, such as `("classes", "boxes")`.

    Call arguments:
        teacher: The teacher's class logits `(batch, ..., classes)` and boxes
            `(batch, ..., 4)`, a tuple.
        student: The same of the student.
        student_mask: Keras masks of the student's two tensors, filled in by
            Keras. Anchors that one hides, such as padding, leave that part; in
            a Distiller also those whose label of that output does not count.

    Returns:
        One value per example, `(batch,)`, in nats and parts of an area.

    Raises:
        ValueError: If a number is out of range, `box_format` is none of these,
            there are not two taps, or the shapes are not those above.

    Example:

    The boxes share 1 of 7, and cover 7 of 9: the distance is 2 - 1/7 - 7/9, and
    the teacher is as good as sure.

    >>> loss = keras_kd.losses.BoxSoftTargets(
    ...     teacher_tap=("classes", "boxes"), student_tap=("classes", "boxes")
    ... )
    >>> scores = np.array([[[20.0]]])
    >>> teacher = scores, np.array([[[0.0, 0.0, 2.0, 2.0]]])
    >>> student = scores, np.array([[[1.0, 1.0, 3.0, 3.0]]])
    >>> round(float(loss(teacher, student)[0]), 4)
    1.0794
    """

    accepts_several_taps = True
    # Of the scores, not of the boxes.
    expects_logits = (True, False)
    output_activation = "sigmoid"

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        box_weight: float = 1.0,
        box_format: str = "xyxy",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.temperature = self.add_hyperparameter(
            "temperature", temperature, "what divides the logits", TEMPERATURE
        )
        self.box_weight = self.add_hyperparameter(
            "box_weight", box_weight, "the factor on the boxes", WEIGHT
        )
        check_format(box_format)
        self.box_format = box_format

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        compared = self.comparison(teacher_shape, student_shape)
        shapes = teacher_shape, student_shape
        if not all(
            len(s) == 2 and isinstance(s[0], list | tuple) for s in shapes
        ):
            raise ValueError(
                f"{compared} Both must be class logits and boxes. Give "
                '`teacher_tap` and `student_tap` two names, as in `("classes", '
                '"boxes")`.'
            )
        theirs, ours = teacher_shape[0], student_shape[0]
        if not shapes_agree(theirs[:-1], ours[:-1]):
            raise ValueError(
                f"{compared} Both must have the same anchors, since each is "
                "compared with its own. Give the student the teacher's "
                "anchors, or compare features with `ScoreWeightedHint`."
            )
        check_same_classes(self, theirs, ours)
        for scores, boxes in shapes:
            if not shapes_agree((*scores[:-1], 4), boxes):
                raise ValueError(
                    f"{compared} Of each model, the second must be boxes, "
                    "(batch, ..., 4), one for each position of the first, "
                    "class logits (batch, ..., classes). Name the logits first,"
                    " and bring the anchors of both on the same axes."
                )

    def call(
        self,
        teacher: tuple[Tensor, Tensor],
        student: tuple[Tensor, Tensor],
        student_mask: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        of_scores, of_boxes = student_mask or (None, None)
        weights = confidence(teacher[0])
        scores, boxes = (
            cover(self, ops.stop_gradient(theirs), ours, mask)
            for theirs, ours, mask in zip(
                teacher, student, (of_scores, of_boxes), strict=True
            )
        )
        divergence = ops.square(
            self.temperature
        ) * binary_soft_target_divergence(*scores, self.temperature)
        distance = box_distance(*boxes, self.box_format)
        return _mean(divergence, weights, of_scores) + self.box_weight * _mean(
            distance, weights, of_boxes
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"box_format": self.box_format}


def _mean(values, weights, mask):
    """The mean by confidence of what a mask leaves."""
    weights = ops.stop_gradient(weights)
    if mask is not None:
        weights = ops.where(mask, weights, 0)
    return mean_by_confidence(values, weights)
