"""Regression on the teacher's logits (Ba and Caruana, 2014)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.kinds import check_flag
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.shapes import check_same_classes


def half_squared_distance(teacher, student):
    """Half the squared Euclidean distance over the last axis.

    Args:
        teacher: Shape `(..., classes)`.
        student: Same shape.

    Returns:
        Distances, shape `(...)`.
    """
    return 0.5 * ops.sum(ops.square(student - teacher), axis=-1)


@keras.saving.register_keras_serializable("keras_kd")
class LogitRegression(DistillationLoss):
    """Makes the student reproduce the teacher's logits.

    Unlike `SoftTargets`, it also matches the very negative logits, of classes
    that the teacher rules out. The loss of one example is

    ```
    1/2 * sum((student - teacher)**2)
    ```

    over the classes: `classes / 2` times Keras's mean squared error. Without
    labels (`student_loss_weight=0`), this is the training of a shallow mimic,
    `models.shallow_mimic`.

    Logits of one class that vary more than those of another count for more.
    Where that is not wanted, standardise them over the training data: end the
    teacher in `keras.layers.Normalization(mean=..., variance=...)`, and give
    the trained student the same layer with `invert=True`.

    Reference: [Ba and Caruana, 2014](https://arxiv.org/abs/1312.6184),
    section 2; centring: [Urban et al., 2017](https://arxiv.org/abs/1603.05691).

    Args:
        center: Whether to subtract from the teacher's logits their mean over
            the classes of each example. Softmax ignores that offset, but this
            loss makes the student learn it. Defaults to `False`, as in the
            paper.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`.
        student: Student logits, same shape.

    Returns:
        One value per example or position, `(batch, ...)`.

    Raises:
        TypeError: If `center` is not a bool.
        ValueError: If the two logits differ in shape.

    Example:
    >>> loss = keras_kd.losses.LogitRegression()
    >>> float(loss(np.array([[3.0, 1.0]]), np.array([[1.0, 0.0]]))[0])
    2.5
    """

    expects_logits = True

    def __init__(self, center: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        check_flag("center", center, "whether the mean is subtracted")
        self.center = bool(center)

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_same_classes(self, teacher_shape, student_shape)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        teacher = ops.stop_gradient(teacher)
        if self.center:
            teacher = teacher - ops.mean(teacher, axis=-1, keepdims=True)
        return half_squared_distance(teacher, student)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"center": self.center}
