"""Hints where a detector sees something."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.confidence import confidence
from keras_kd.losses.confidence import mean_by_confidence
from keras_kd.losses.positions import cover
from keras_kd.losses.projected_loss import ProjectedLoss
from keras_kd.losses.shapes import shapes_agree


@keras.saving.register_keras_serializable("keras_kd")
class ScoreWeightedHint(ProjectedLoss):
    """Hint that counts where the teacher scores some class high.

    For one scale of a detector, whose map is mostly background: its features
    are compared as by `Hint`, each position with the teacher's confidence `c`
    there, the highest of its class probabilities. The loss of one example is

    ```
    sum(c * mean((projector(student) - teacher)**2)) / max(sum(c), 1)
    ```

    with the mean over the channels and the sums over the positions, so that an
    image without anything counts little. For several scales, make one for
    each.

    It is what the detectors of
    [Ultralytics](https://github.com/ultralytics/ultralytics) have as
    distillation, but that these divide by the sum of `c` over the whole batch.

    Args:
        projector: Maps the student's feature to the teacher's shape; see
            `Hint`. Defaults to `"infer"`.
        **kwargs: See `DistillationLoss`. `teacher_tap` is a tuple of two, the
            feature and the class logits at its positions, such as `("p3",
            "p3_classes")`; `student_tap` is the student's feature.

    Call arguments:
        teacher: The teacher's feature `(batch, ..., channels)` and its class
            logits `(batch, ..., classes)`, those of several anchors at a
            position on the last axis too; a tuple.
        student: The student's feature.
        student_mask: The Keras mask of the student's feature, filled in by
            Keras: what it hides, such as padding, does not count.

    Returns:
        One value per example, `(batch,)`.

    Raises:
        TypeError: If `projector` is no layer.
        ValueError: If there are not two taps of the teacher, their positions
            differ, or the features differ in shape and no projector fits them.

    Example:

    The teacher is as good as sure of the first position, where the student is
    off by 2, and sees nothing at the second:

    >>> hint = keras_kd.losses.ScoreWeightedHint(
    ...     teacher_tap=("p3", "p3_classes"), student_tap="p3"
    ... )
    >>> teacher = np.zeros((1, 2, 3)), np.array([[[20.0], [-20.0]]])
    >>> student = np.array([[[2.0, 2.0, 2.0], [9.0, 9.0, 9.0]]])
    >>> round(float(hint(teacher, student)[0]), 4)
    4.0
    """

    accepts_several_taps = True
    # Of the scores, which only the teacher gives.
    expects_logits = (False, True)

    def __init__(
        self,
        *,
        projector: str | keras.layers.Layer | None = "infer",
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        compared = self.comparison(teacher_shape, student_shape)
        if len(teacher_shape) != 2 or not isinstance(
            teacher_shape[0], list | tuple
        ):
            raise ValueError(
                f"{compared} Of the teacher, it takes a feature and class "
                'logits. Give `teacher_tap` two names, as in `("p3", '
                '"p3_classes")`.'
            )
        feature, scores = teacher_shape
        if len(feature) < 3 or not shapes_agree(feature[:-1], scores[:-1]):
            raise ValueError(
                f"{compared} The teacher's class logits must have the positions"
                " of its feature, at least one axis of them, since they weigh "
                "each. Tap the head of the same scale."
            )
        super().build(feature, student_shape)

    def call(
        self,
        teacher: tuple[Tensor, Tensor],
        student: Tensor,
        student_mask: Tensor | None = None,
    ) -> Tensor:
        feature, scores = teacher
        feature, student = self.project(
            *cover(self, feature, student, student_mask)
        )
        weights = ops.stop_gradient(confidence(scores))
        if student_mask is not None:
            weights = ops.where(student_mask, weights, 0)
        differences = ops.mean(ops.square(student - feature), axis=-1)
        return mean_by_confidence(differences, weights)
