"""Temporally adaptive interpolated distillation (Shing et al., 2025)."""

from typing import Any

import keras
from keras import ops

from keras_kd import backend
from keras_kd._core import reduction
from keras_kd._core.arguments import Bounds
from keras_kd._core.arguments import check_count
from keras_kd._core.arguments import check_part
from keras_kd._types import Tensor
from keras_kd.losses.divergence import IMPOSSIBLE
from keras_kd.losses.divergence_of_logits import divergence_of_logits
from keras_kd.losses.softened_loss import SoftenedLoss

PART = Bounds(0.0, 1.0)
# Stands for the loss of the step before the first; no divergence is below 0.
NO_LOSS = -1.0


@keras.saving.register_keras_serializable("keras_kd")
class InterpolatedSoftTargets(SoftenedLoss):
    """Leads the student to its teacher over targets in between (TAID).

    The loss of one example is that of `SoftTargets` at a target whose logits
    are `interpolation` of the way from the student's own, taken as constant, to
    the teacher's:

    ```
    target = (1 - interpolation) * student + interpolation * teacher
    temperature**2 * KL(softmax(target / temperature)
                        || softmax(student / temperature))
    ```

    Each training step takes the interpolation further: by `adaptation *
    (1 - interpolation)` times a factor between 0 and 1, the sigmoid of a
    running mean of how much the loss falls from one step to the next, and at
    least to a line from where it began up to 1 after `steps` steps. It is a
    variable, saved with the Distiller, the same on all replicas, and left alone
    in `evaluate`. To set it by a schedule instead, give `adaptation=0` and a
    `callbacks.Anneal` of `"interpolated_soft_targets.interpolation"`.

    How much the loss falls is told from the mean of the divergence, as in the
    paper; the released code takes the cross-entropy there. Masked positions do
    not count in it, sample weights do not change it. Each call in training is a
    step: with accumulated gradients, each part of one.

    Reference: [Shing et al., 2025](https://arxiv.org/abs/2501.16937).

    Args:
        temperature: Float from 0.001 to 1e6, see `SoftTargets`. Defaults to
            `1.0`.
        interpolation: Float from 0 to 1 where it begins, a variable. Defaults
            to `0.4`.
        steps: Training steps after which it is 1 at the latest. Defaults to
            `None`, no line: with the default `adaptation` it then takes some
            ten thousand steps.
        adaptation: Float from 0 to 1, the largest part of what is left to 1
            that a step can take. Defaults to `5e-4`.
        momentum: Float from 0 to below 1, the part of the running mean that a
            step leaves. Defaults to `0.99`.
        **kwargs: See `DistillationLoss`.

    Call arguments:
        teacher: Teacher logits (not probabilities), `(batch, ..., classes)`,
            or those of the members of a `teachers.EnsembleTeacher`.
        student: Student logits, same shape.
        student_mask: The Keras mask of the student's logits, filled in by
            Keras.
        training: Whether the interpolation goes on. Defaults to `False`.

    Returns:
        One value per example or position in nats, `(batch, ...)`.

    Raises:
        ValueError: If a number is out of range, the two logits differ in shape,
            or there is one class only.

    Example:
    >>> loss = keras_kd.losses.InterpolatedSoftTargets(interpolation=0.5)
    >>> value = loss(np.log([[9.0, 1.0]]), np.log([[1.0, 1.0]]))
    >>> round(float(value[0]), 4)  # .75 ln 1.5 + .25 ln .5
    0.1308
    """

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        interpolation: float = 0.4,
        steps: int | None = None,
        adaptation: float = 5e-4,
        momentum: float = 0.99,
        **kwargs: Any,
    ):
        super().__init__(temperature, **kwargs)
        check_count(
            "steps", steps, "the training steps to the teacher", 1, True
        )
        self.steps = steps
        self.adaptation = check_part(
            "adaptation",
            adaptation,
            "the largest part of the way that a step takes",
            zero=True,
            one=True,
        )
        self.momentum = check_part(
            "momentum", momentum, "the part of a mean that stays", zero=True
        )
        self.interpolation = self.add_hyperparameter(
            "interpolation",
            interpolation,
            "the part of the way to the teacher",
            PART,
        )
        self.trend = self._state("trend", 0.0)
        self.last_loss = self._state("last_loss", NO_LOSS)
        self.done = self._state("done", 0.0)

    def _state(self, name, value):
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            # All replicas assign one value.
            aggregation="only_first_replica",
            name=name,
        )

    def call(
        self,
        teacher: Tensor,
        student: Tensor,
        student_mask: Tensor | None = None,
        training: bool | None = False,
    ) -> Tensor:
        # A class that the teacher rules out: 0 times -inf would be nan.
        teacher = ops.maximum(ops.stop_gradient(teacher), IMPOSSIBLE)
        own = ops.stop_gradient(student)
        # Exact where both are equal, which a sum of two products is not.
        target = own + self.interpolation * (teacher - own)
        values = self.scale(
            divergence_of_logits(target, student, self.temperature)
        )
        if training:
            share = reduction.mean(
                ops.stop_gradient(values), None, student_mask
            )
            self._go_on(backend.all_sum(share))
        return values

    def _go_on(self, loss):
        """Takes the interpolation further.

        Args:
            loss: Mean of the values over the batch of all replicas, a scalar.
        """
        trend, last, done, now = (
            ops.convert_to_tensor(variable)
            for variable in (
                self.trend,
                self.last_loss,
                self.done,
                self.interpolation,
            )
        )
        fall = (last - loss) / (last + 1e-15)
        changed = self.momentum * trend + (1 - self.momentum) * fall
        further = now + self.adaptation * ops.sigmoid(changed) * (1 - now)
        if self.steps is not None:
            start = self.hyperparameters["interpolation"]
            further = ops.maximum(
                further, start + (1 - start) * done / self.steps
            )
        # Nothing has fallen before the first step.
        is_first = last == NO_LOSS
        self.trend.assign(ops.where(is_first, trend, changed))
        self.interpolation.assign(
            ops.where(is_first, now, ops.minimum(further, 1.0))
        )
        self.last_loss.assign(loss)
        self.done.assign(done + 1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "steps": self.steps,
            "adaptation": self.adaptation,
            "momentum": self.momentum,
        }
