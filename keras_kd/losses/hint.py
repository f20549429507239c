"""Hints from a hidden layer (Romero et al., 2015)."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.projected_loss import ProjectedLoss
from keras_kd.losses.shapes import mean_over_features


def mean_squared_difference(teacher, student):
    """Mean squared difference of two features.

    Args:
        teacher: Shape `(batch, ...)`.
        student: Same shape.

    Returns:
        The mean over all axes but the batch, `(batch,)`; of a sequence
        `(batch, steps, features)` the mean over the features,
        `(batch, steps)`.
    """
    return mean_over_features(ops.square(student - teacher), teacher.shape)


@keras.saving.register_keras_serializable("keras_kd")
class Hint(ProjectedLoss):
    """Lets the student predict a hidden layer of the teacher.

    It guides a student that is deeper than its teacher, or that learns too
    little from the outputs alone. The loss of one example is

    ```
    mean((projector(student) - teacher)**2)
    ```

    over height, width and channels. The paper has half the *sum*, which is
    `height * width * channels / 2` times this; a mean keeps `loss_weight`
    comparable between layers.

    This is the joint form, added to the other losses in one fit. In the paper,
    hints are a stage of their own, before distillation: `procedures.fitnets`.

    Reference: [Romero et al., 2015](https://arxiv.org/abs/1412.6550),
    section 2.2.

    Args:
        projector: Maps the student's feature to the teacher's shape. It is
            trained and saved with the loss, and is no part of the student.
            `"infer"` is no projector where the shapes are equal, and that of
            `projectors.infer` elsewhere; `None` is no projector; or pass a
            `keras.Layer`, which computes in its own dtype. Defaults to
            `"infer"`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: The teacher's feature, `(batch, ..., channels)`.
        student: The student's feature. Masked steps are for the Distiller to
            leave out.

    Returns:
        One value per example, `(batch,)`; of sequences `(batch, steps,
        features)` one per step, `(batch, steps)`.

    Raises:
        TypeError: If `projector` is no layer.
        ValueError: If the shapes differ and no projector fits them.

    Example:
    >>> hint = keras_kd.losses.Hint(
    ...     teacher_tap="stage2", student_tap="backbone/block3", loss_weight=0.1
    ... )
    >>> float(hint(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))[0])
    2.0
    >>> wide, narrow = np.ones((1, 4, 4, 8)), np.ones((1, 4, 4, 2))
    >>> hint = keras_kd.losses.Hint()
    >>> hint(wide, narrow).shape, hint.projector.count_params()
    (TensorShape([1]), 24)
    """

    def __init__(
        self,
        *,
        projector: str | keras.layers.Layer | None = "infer",
        **kwargs: Any,
    ):
        super().__init__(projector=projector, **kwargs)

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        teacher, student = self.project(teacher, student)
        return mean_squared_difference(teacher, student)
