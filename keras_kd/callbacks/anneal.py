"""A schedule for a temperature or a loss weight."""

import weakref
from collections.abc import Callable
from typing import Any

import keras

from keras_kd._core.arguments import as_float
from keras_kd.callbacks.attribute import distiller_attribute

# The variables that the running fit of a model drives.
_driven = weakref.WeakKeyDictionary()

Schedule = keras.optimizers.schedules.LearningRateSchedule


class Anneal(keras.callbacks.Callback):
    """Lets a schedule drive a temperature or a loss weight.

    Before each batch (or epoch) the variable gets the value of the schedule. A
    step is an update of the optimizer, counted by `optimizer.iterations`: a
    resumed run continues the schedule, and several batches of gradient
    accumulation are one step. With `steps_per_execution=n`, the value is set
    once for `n` batches.

    The last value of each epoch is put into the logs, under the name of the
    target. `History` has it. `CSVLogger` and `TensorBoard` have it if they come
    after this in the list of callbacks, and miss it if they come before.

    Args:
        target: What to drive: `"<loss name>.<attribute>"`, such as
            `"soft_targets.temperature"`, or `"student_loss_weight"`. See
            `Distiller.hyperparameter`.
        schedule: A `keras.optimizers.schedules.LearningRateSchedule`, or a
            function of the step (or epoch), both counted from 0, that returns
            a number: from 0 to 1e12 for a weight, from .001 to 1e6 for a
            temperature.
        per: `"step"` or `"epoch"`. Defaults to `"step"`.

    Raises:
        TypeError: If `target` is not a string or `schedule` cannot be called;
            when training starts, if the model is no Distiller.
        ValueError: If `per` is neither; when training starts, if the Distiller
            has no such target, or two callbacks have it; in training, if a
            value is out of range.

    Example:

    >>> anneal = keras_kd.callbacks.Anneal(
    ...     "soft_targets.temperature", lambda epoch: 8 / (1 + epoch), "epoch"
    ... )
    """

    def __init__(
        self,
        target: str,
        schedule: Schedule | Callable[[int], float],
        per: str = "step",
    ):
        super().__init__()
        if not isinstance(target, str):
            raise TypeError(
                "`target` must be the name of a hyperparameter, since "
                f"callbacks are copied and models are not. Received: target="
                f'{target!r}. Write such as "soft_targets.temperature".'
            )
        # A class can be called too, with the step as its first argument.
        if isinstance(schedule, type) or not callable(schedule):
            raise TypeError(
                "`schedule` must be a LearningRateSchedule or a function of "
                f"the step that returns a number. Received: schedule="
                f"{schedule!r}. A constant belongs to the loss itself."
            )
        if per not in ("step", "epoch"):
            raise ValueError(
                '`per` must be "step" or "epoch", since these are what a '
                f"schedule counts. Received: per={per!r}."
            )
        self.target = target
        self.schedule = schedule
        self.per = per
        self._variable = None
        self._bounds = None
        self._value = None

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        find = distiller_attribute(self, model, "hyperparameter")
        self._variable = find(self.target)
        self._bounds = model.hyperparameter_bounds(self.target)
        # All callbacks come here before any begins.
        _driven[model] = set()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        driven = _driven[self.model]
        if id(self._variable) in driven:
            raise ValueError(
                "`target` must be another one for each `Anneal`, since the "
                "last would win. Received: two callbacks for target="
                f"{self.target!r}. Join their schedules in one function."
            )
        driven.add(id(self._variable))

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self.per == "epoch":
            self._set(epoch)

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self.per == "step":
            iterations = self.model.optimizer.iterations
            self._set(int(keras.ops.convert_to_numpy(iterations)))

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if logs is not None and self._value is not None:
            logs[self.target] = self._value

    def _set(self, step):
        self._value = self._scheduled(step)
        self._variable.assign(self._value)

    def _scheduled(self, step):
        """Returns the value at a step or epoch, after validation."""
        value = self.schedule(step)
        if keras.ops.is_tensor(value):
            value = keras.ops.convert_to_numpy(value)
        number = as_float(value)
        if number not in self._bounds:
            raise ValueError(
                f"`schedule` must return a number {self._bounds}, since it is "
                f"the value of {self.target}. Received: {value!r} at "
                f"{self.per} {step}."
            )
        return number
