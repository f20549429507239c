"""Regression on the teacher's probabilities (Buciluă et al., 2006)."""

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.shapes import check_same_classes
from keras_kd.losses.shapes import check_several_classes


@keras.saving.register_keras_serializable("keras_kd")
class ProbabilityRegression(DistillationLoss):
    """Makes the student reproduce the teacher's probabilities.

    The oldest form of distillation: model compression. The loss of one example
    is

    ```
    1/2 * sum((softmax(student) - softmax(teacher))**2)
    ```

    over the classes. With two, that is the squared difference of the
    probability of one of them, as in the paper. It is bounded, so its gradient
    is small for a student that is sure of a wrong class: train such a student
    with `SoftTargets`.

    Reference: Buciluă, Caruana and Niculescu-Mizil, [Model
    Compression](https://doi.org/10.1145/1150402.1150464), 2006.

    Args:
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`, whose
            probabilities are averaged.
        student: Student logits, same shape.

    Returns:
        One value per example or position, `(batch, ...)`.

    Raises:
        ValueError: If the two logits differ in shape, or there is one class
            only.

    Example:
    >>> loss = keras_kd.losses.ProbabilityRegression()
    >>> float(loss(np.array([[50.0, 0.0]]), np.array([[0.0, 0.0]]))[0])
    0.25
    """

    expects_logits = True
    output_activation = "softmax"
    accepts_members = True
    accepts_minus_infinity = True

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_same_classes(self, teacher_shape, student_shape)
        check_several_classes(self, student_shape)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        target = ops.exp(ops.log_softmax(ops.stop_gradient(teacher)))
        # Computed as the target is, so that equal logits have no distance.
        square = ops.square(ops.exp(ops.log_softmax(student)) - target)
        return 0.5 * ops.sum(square, axis=-1)
