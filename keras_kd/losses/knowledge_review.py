"""Knowledge review (Chen et al., 2021)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_kd._core.arguments import check_count
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.attention_fusion import AttentionFusion
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.shapes import check_several_features

# As published: the sizes to which differences are averaged, and the most
# channels of what is passed from stage to stage.
SIZES = (4, 2, 1)
MOST_CHANNELS = 512


def averaging(length, cells):
    """Matrix that averages positions over cells, `(cells, length)`.

    A cell takes each position that it touches, as adaptive pooling does.
    """
    matrix = np.zeros((cells, length), "float32")
    for cell in range(cells):
        first, end = cell * length // cells, -(-(cell + 1) * length // cells)
        matrix[cell, first:end] = 1 / (end - first)
    return matrix


def hierarchical_context(teacher, student):
    """Squared differences of maps, and of what they average to.

    Args:
        teacher: `(batch, height, width, channels)`, of known sizes.
        student: Same shape.

    Returns:
        One value per example, `(batch,)`.
    """
    difference = student - teacher
    _, height, width, _ = teacher.shape
    value, weight, total = 0.0, 1.0, 0.0
    for size in (None, *(s for s in SIZES if s < height)):
        pooled = difference
        if size is not None:
            pooled = ops.einsum(
                "ih,bhwc,jw->bijc",
                averaging(height, size),
                difference,
                averaging(width, size),
            )
        value += weight * ops.mean(ops.square(pooled), axis=(1, 2, 3))
        total += weight
        weight /= 2
    return value / total


@keras.saving.register_keras_serializable("keras_kd")
class KnowledgeReview(DistillationLoss):
    """Compares stages after each has reviewed the deeper ones (REVIEWKD).

    The stages of the student are gone through from the deepest to the
    shallowest. Each is brought to `width` channels and added to what the
    deeper one passed on, by two learned gates for each position; what a
    convolution makes of the sum is compared with the teacher's stage. So the
    student's shallow stages learn from the teacher's, and deep ones of the
    student from shallow ones of the teacher. With `d` the difference of the
    two maps, of height `h`, the loss of one example is the sum over stages of

    ```
    (mean(d**2) + sum(w * mean(average_pooled(d, size)**2)) / (1 + sum(w))
    ```

    for the sizes 4, 2 and 1 that are below `h`, with `w` half of that before:
    1/2, 1/4 and 1/8 for all three.

    As published, the last pair of taps is the pooled vector, and the
    teacher's maps are taken before their activation (`"relu_3:input"`). The
    published weights, beside the cross-entropy, are from 0.6 to 8, 5 for most,
    reached over the first 20 of 240 epochs (`callbacks.Anneal`).

    All layers between are trained and saved with the loss, and are no part of
    the student. Their batch normalisation, in training, takes the statistics
    of the whole batch, over all replicas, without examples of weight 0; so an
    example's value depends on the others.

    Reference: [Chen et al., 2021](https://arxiv.org/abs/2104.09044).

    Args:
        width: Integer, the channels of what is passed on. Defaults to `None`:
            those of the student's deepest stage, 512 at most.
        **kwargs: See `DistillationLoss`. `teacher_tap` and `student_tap` are
            tuples of as many taps, the shallowest first.

    Call arguments:
        teacher: Features of the teacher, a tuple: maps `(batch, height, width,
            channels)`, or vectors `(batch, channels)`.
        student: As many of the student, each a map or vector as the teacher's,
            of any other size.
        example_weights: Numbers of at least 0, `(batch,)`, or `None` for 1.
        training: Whether batch normalisation takes the statistics of the
            batch. Defaults to `False`.

    Returns:
        One value per example, `(batch,)`.

    Raises:
        ValueError: If `width` is no count, the taps are not as many, or a
            feature is neither map nor vector, or of unknown size.

    Example:

    >>> loss = keras_kd.losses.KnowledgeReview(
    ...     teacher_tap=("stage1", "pool"), student_tap=("stage1", "pool")
    ... )
    >>> teacher = np.ones((2, 8, 8, 6)), np.ones((2, 9))
    >>> loss(teacher, (np.ones((2, 4, 4, 3)), np.ones((2, 5)))).shape
    TensorShape([2])
    """

    accepts_several_taps = True
    compares_examples = True

    def __init__(self, width: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        check_count("width", width, "channels", is_optional=True)
        self.width = width

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        self._check(teacher_shape, student_shape)
        width = self.width or min(student_shape[-1][-1], MOST_CHANNELS)
        theirs, ours = (
            [_shape_of_map(shape) for shape in shapes]
            for shapes in (teacher_shape, student_shape)
        )
        # The shallowest first, as the taps are.
        self.fusions = [
            AttentionFusion(width, target, deeper, dtype=self.compute_dtype)
            for target, deeper in zip(theirs, [*ours[1:], None], strict=True)
        ]
        for fusion, shape in zip(self.fusions, ours, strict=True):
            fusion.build(shape)

    def _check(self, teacher_shape, student_shape):
        """Validates that there are maps and vectors in pairs."""
        compared = self.comparison(teacher_shape, student_shape)
        for theirs, ours in check_several_features(
            self,
            teacher_shape,
            student_shape,
            "one for each stage",
            ", the shallowest first",
        ):
            if len(theirs) != len(ours) or len(theirs) not in (2, 4):
                raise ValueError(
                    f"{compared} Each pair must be two maps `(batch, height, "
                    "width, channels)` or two vectors `(batch, channels)`, "
                    "since a stage reviews what is at the same places. Tap "
                    "such, or compare others with `Hint`."
                )
            if None in (*theirs[1:], *ours[1:]):
                raise ValueError(
                    f"{compared} All sizes must be known, since stages are "
                    "brought to one. Give the models an `Input` that fixes "
                    "them."
                )

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        example_weights: Tensor | None = None,
        training: bool | None = False,
    ) -> Tensor:
        counted = None
        if example_weights is not None:
            counted = ops.greater(example_weights, 0)
        values, passed = 0.0, None
        for fusion, theirs, ours in reversed(
            list(zip(self.fusions, teacher, student, strict=True))
        ):
            answer, passed = fusion(
                _as_map(ours, counted), passed, counted, training=training
            )
            theirs = ops.stop_gradient(_as_map(theirs, counted))
            values += hierarchical_context(theirs, answer)
        return values if counted is None else ops.where(counted, values, 0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"width": self.width}


def _shape_of_map(shape):
    """A shape with any batch; a vector is a map of one position."""
    return (None, *(tuple(shape[1:-1]) or (1, 1)), shape[-1])


def _as_map(features, counted):
    """The map of a feature, with zeros for examples that do not count."""
    shape = _shape_of_map(features.shape)[1:]
    if counted is not None:
        places = ops.reshape(counted, (-1, *(1 for _ in features.shape[1:])))
        # Not a product: what does not count may be infinite.
        features = ops.where(places, features, 0)
    return ops.reshape(features, (-1, *shape))
