"""Universal logit distillation (Boizard et al., 2024)."""

import keras
from keras import ops

from keras_kd._types import Shape
from keras_kd._types import Tensor
from keras_kd.losses.distillation_loss import DistillationLoss
from keras_kd.losses.shapes import check_same_classes
from keras_kd.losses.shapes import check_several_classes


def falling(logits, count):
    """Probabilities in falling order, with zeros behind them.

    Args:
        logits: `(..., classes)`, of a known number of classes.
        count: Length of the result, at least that number.

    Returns:
        `(..., count)`.
    """
    classes = logits.shape[-1]
    probabilities = ops.softmax(logits, axis=-1)
    ordered = ops.top_k(probabilities, classes)[0]
    zeros = [(0, 0)] * (len(logits.shape) - 1) + [(0, count - classes)]
    return ops.pad(ordered, zeros) if count > classes else ordered


@keras.saving.register_keras_serializable("keras_kd")
class SortedProbabilities(DistillationLoss):
    """Compares how sure both models are, whatever their classes (ULD).

    For models of different vocabularies, whose words have no common order. Both
    sort their probabilities, the highest first, so that the first of one meets
    the first of the other; the shorter list goes on with zeros. The loss of one
    position is

    ```
    sum(abs(sorted(softmax(student)) - sorted(softmax(teacher))))
    ```

    It tells how sure the student should be, and not of which word: the loss of
    the labels tells that, beside which the published weight is 1.5. There is no
    gradient as long as each of the student's is above the teacher's, as of a
    fresh student of fewer words: the labels have to begin.

    Positions meet in their order, the first of one model with the first of the
    other. Where texts have other lengths in the two vocabularies, let
    `mask_input` of the Distiller name an entry of `x` that is true where both
    have a word: as published, the longer answer is cut.

    Reference: [Boizard et al., 2024](https://arxiv.org/abs/2402.12030).

    Args:
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`, whose
            probabilities are averaged.
        student: Student logits, of as many positions and any number of classes.

    Returns:
        One value per example or position, `(batch, ...)`, from 0 to 2.

    Raises:
        ValueError: If the positions differ, or there is one class only.

    Example:

    Sure of one of three words, and undecided between two:

    >>> loss = keras_kd.losses.SortedProbabilities(loss_weight=1.5)
    >>> sure, undecided = np.array([[0.0, 50.0, 0.0]]), np.array([[0.0, 0.0]])
    >>> float(loss(sure, undecided)[0])
    1.0
    """

    expects_logits = True
    output_activation = "softmax"
    accepts_members = True
    accepts_minus_infinity = True

    def build(self, teacher_shape: Shape, student_shape: Shape) -> None:
        check_same_classes(self, teacher_shape, student_shape, are_sorted=True)
        for shape in (teacher_shape, student_shape):
            check_several_classes(self, shape)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        count = max(teacher.shape[-1], student.shape[-1])
        theirs = falling(ops.stop_gradient(teacher), count)
        gap = ops.abs(falling(student, count) - theirs)
        return ops.sum(gap, axis=-1)
