"""Generalised Jensen-Shannon divergence (Agarwal et al., 2024)."""

from typing import Any

import keras
from keras import ops

from keras_kd._types import Tensor
from keras_kd.losses.mixtures import SHARE
from keras_kd.losses.mixtures import divergence_from_mixture
from keras_kd.losses.softened_loss import SoftenedLoss


@keras.saving.register_keras_serializable("keras_kd")
class JensenShannonDivergence(SoftenedLoss):
    """Compares both models with a mixture of the two (JSD).

    With `p` and `q` for the softened probabilities of teacher and student, the
    loss of one example is

    ```
    mixture = teacher_share * p + (1 - teacher_share) * q
    temperature**2 * (teacher_share * KL(p || mixture)
                      + (1 - teacher_share) * KL(q || mixture))
    ```

    It is bounded, by `log(2) * temperature**2` at a share of one half. For a
    small share, the value over `teacher_share` is that of `SoftTargets`; for
    one near 1, the value over `1 - teacher_share` is that of
    `ReverseSoftTargets`. Divide `loss_weight` by it where shares are compared,
    and use those losses for 0 and 1.

    Reference: [Agarwal et al., 2024](https://arxiv.org/abs/2306.13649), without
    the factor `temperature**2`.

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `1.0`.
        teacher_share: Float from 0.001 to 0.999, a variable: the teacher's part
            of the mixture; beta in the paper, of which other code gives the
            student's. Defaults to `0.5`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.

    Returns:
        One value per example or position in nats, `(batch, ...)`.

    Raises:
        ValueError: If a number is out of range, the two logits differ in shape,
            or there is one class only.

    Example:
    >>> loss = keras_kd.losses.JensenShannonDivergence()
    >>> value = loss(np.array([[50.0, 0.0]]), np.array([[0.0, 50.0]]))
    >>> round(float(value[0]), 4)  # ln 2, where nothing is shared
    0.6931
    """

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        teacher_share: float = 0.5,
        **kwargs: Any,
    ):
        super().__init__(temperature, **kwargs)
        self.teacher_share = self.add_hyperparameter(
            "teacher_share",
            teacher_share,
            "the teacher's part of a mixture of both",
            SHARE,
        )

    def call(self, teacher: Tensor, student: Tensor) -> Tensor:
        log_p, log_q = self.log_probabilities(
            ops.stop_gradient(teacher), student
        )
        share = self.teacher_share
        theirs = divergence_from_mixture(log_p, log_q, share)
        ours = divergence_from_mixture(log_q, log_p, 1 - share)
        return self.scale(share * theirs + (1 - share) * ours)
