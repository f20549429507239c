"""Decoupled knowledge distillation (Zhao et al., 2022)."""

from typing import Any

import keras
from keras import ops

from keras_kd._core.arguments import WEIGHT
from keras_kd._types import Tensor
from keras_kd.losses.divergence import divergence
from keras_kd.losses.labels import class_of
from keras_kd.losses.softened_loss import StandardizableLoss
from keras_kd.losses.target_split import split


def decoupled_divergences(teacher, student, index):
    """Divergences about the label's class, and among the others.

    Args:
        teacher: Teacher logits over the temperature, `(..., classes)`.
        student: Student logits over the temperature, same shape.
        index: Classes of the labels, `(...)`.

    Returns:
        `(target, others)`, nats, `(...)`: of the label's class against all
        others together, and of the others given that it is one of them. The
        first plus the teacher's probability of the others times the second is
        the divergence of all classes.
    """
    theirs, ours = split(teacher, index), split(student, index)
    target = divergence(theirs.target, ours.target)
    rest = divergence(theirs.rest, ours.rest)
    others = divergence(theirs.others, ours.others)
    return target + rest, ops.sum(others, axis=-1)


@keras.saving.register_keras_serializable("keras_kd")
class DecoupledSoftTargets(StandardizableLoss):
    """Matches the label's class and the other classes apart (DKD).

    The divergence of soft targets is that of one question, whether it is the
    label's class, plus that among the other classes times the probability that
    the teacher gives to them: the surer the teacher, the less it says of them.
    Here that factor is a number of its own. The loss of one example is

    ```
    temperature**2 * (target_weight * KL(teacher or not || student or not)
                      + non_target_weight * KL(other classes of the teacher
                                               || those of the student))
    ```

    The paper raises `loss_weight` from 0 to 1 over the first 20 epochs, which
    `callbacks.Anneal` does. It takes a `non_target_weight` of 8, 6 or 2 for
    pairs on CIFAR-100, and on ImageNet a temperature of 1 and 0.5 or 2.

    Examples without a label leave this loss, as they leave that of `compile`.

    Reference: [Zhao et al., 2022](https://arxiv.org/abs/2203.08679).

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `4.0`.
        target_weight: Float >= 0, a variable; alpha in the paper. Defaults to
            `1.0`.
        non_target_weight: Float >= 0, a variable; beta in the paper. Defaults
            to `8.0`.
        standardize_logits: See `SoftTargets`; the published weight is then
            `loss_weight=9` here too. Defaults to `False`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.
        labels: Class numbers, `(batch, ...)` or `(batch, ..., 1)`, or rows
            `(batch, ..., classes)`, one-hot, smoothed or mixed, whose highest
            entry counts. With several outputs, a dict by their names.

    Returns:
        One value per example or position in nats, `(batch, ...)`: 0 without a
        label.

    Raises:
        TypeError: If `standardize_logits` is not a bool.
        ValueError: If a number is out of range, the two logits or the labels
            differ in shape, or there is one class only.

    Example:
    >>> loss = keras_kd.losses.DecoupledSoftTargets(1.0, non_target_weight=2.0)
    >>> teacher = np.log([[0.5, 0.4, 0.1]])
    >>> student = np.log([[0.5, 0.25, 0.25]])
    >>> value = loss(teacher, student, labels=np.array([0]))
    >>> round(float(value[0]), 4)  # 2 * (.8 ln 1.6 + .2 ln .4)
    0.3855
    """

    needs = ("labels",)

    def __init__(
        self,
        temperature: float = 4.0,
        *,
        target_weight: float = 1.0,
        non_target_weight: float = 8.0,
        standardize_logits: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            temperature, standardize_logits=standardize_logits, **kwargs
        )
        self.target_weight = self.add_hyperparameter(
            "target_weight",
            target_weight,
            "the factor on the label's class",
            WEIGHT,
        )
        self.non_target_weight = self.add_hyperparameter(
            "non_target_weight",
            non_target_weight,
            "the factor on the other classes",
            WEIGHT,
        )

    def call(self, teacher: Tensor, student: Tensor, labels: Tensor) -> Tensor:
        index, has_label = class_of(labels, student, self.student_tap)
        teacher, student = self.prepared(ops.stop_gradient(teacher), student)
        target, others = decoupled_divergences(
            teacher / self.temperature, student / self.temperature, index
        )
        values = self.target_weight * target + self.non_target_weight * others
        return self.scale(ops.where(has_label, values, 0.0))
