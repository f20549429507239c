"""Regression that the teacher bounds (Chen et al., 2017)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import WEIGHT
from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.labels import of_output
from keras_kd.losses.shapes import shapes_agree


def squared_distance(values, labels):
    """The squared Euclidean distance over the last axis.

    Args:
        values: `(..., numbers)`.
        labels: Same shape.

    Returns:
        Distances, `(...)`.
    """
    return ops.sum(ops.square(values - labels), axis=-1)


@keras.saving.register_keras_serializable("keras_kd")
class BoundedRegression(DistillationLoss):
    """Pulls the student to the labels while it is worse than the teacher.

    For outputs that are numbers, such as coordinates. A teacher's number may be
    wrong in any direction, so it is no target; but how wrong it is says how
    close the student can be expected to come. The loss of one example is

    ```
    error(student) if error(student) + margin > error(teacher) else 0
    ```

    with the squared distance to the labels, `sum((output - labels)**2)`, as the
    error. It comes on top of the loss on the labels, which goes on where this
    one ends. Labels that do not count, such as nan, leave it as they leave that
    one.

    Reference: [Chen et al., 2017](
    https://papers.nips.cc/paper/6676), section 3.3.

    Args:
        margin: Float >= 0, a variable, in squared units of the labels: the
            student goes on until it is better than the teacher by that much.
            Defaults to `0.0`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Numbers of the teacher, `(batch, ..., numbers)`.
        student: Numbers of the student, same shape.
        labels: Numbers of the same shape; for one number also without the last
            axis, `(batch, ...)`. Of several outputs, a dict with an entry of
            the name of `student_tap`.

    Returns:
        One value per example or position, `(batch, ...)`.

    Raises:
        ValueError: If `margin` is out of range, or the numbers or labels differ
            in shape.

    Example:

    The student is worse than the teacher for the first example, and better for
    the second:

    >>> loss = keras_kd.losses.BoundedRegression()
    >>> teacher, student = np.array([[1.0], [2.0]]), np.array([[3.0], [1.0]])
    >>> [float(v) for v in loss(teacher, student, labels=np.zeros(2))]
    [9.0, 0.0]
    """

    needs = ("labels",)

    def __init__(self, margin: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.margin = self.add_hyperparameter(
            "margin", margin, "how much better the student is to be", WEIGHT
        )

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        if len(student_shape) < 2 or not shapes_agree(
            teacher_shape, student_shape
        ):
            compared = self.comparison(teacher_shape, student_shape)
            raise ValueError(
                f"{compared} Both must have one shape, (batch, ..., numbers), "
                "since each number is compared with its label. End both models "
                "in a layer of as many units."
            )

    def call(self, teacher: Tensor, student: Tensor, labels: Tensor) -> Tensor:
        labels = of_output(labels, self.student_tap)
        labels = ops.cast(_shaped(labels, student), student.dtype)
        ours = squared_distance(student, labels)
        theirs = squared_distance(ops.stop_gradient(teacher), labels)
        return ops.where(ours + self.margin > theirs, ours, 0.0)


def _shaped(labels, student):
    """Labels of the shape of the student's numbers."""
    if student.shape[-1] == 1 and len(labels.shape) == len(student.shape) - 1:
        return ops.expand_dims(labels, axis=-1)
    if len(labels.shape) != len(student.shape) or (
        labels.shape[-1] != student.shape[-1]
    ):
        raise ValueError(
            "`labels` must have the shape of the output, since they are "
            f"compared number by number. Received: labels of shape "
            f"{tuple(labels.shape)} for an output of shape "
            f"{tuple(student.shape)}. Give `y` one number for each number of "
            "the output."
        )
    return labels
