"""Callbacks for the training of a Distiller."""

import math
import warnings
from collections.abc import Callable

import keras
import numpy as np

from keras_kd.metrics import TeacherMetric

Schedule = keras.optimizers.schedules.LearningRateSchedule


class Anneal(keras.callbacks.Callback):
    """Lets a schedule drive a temperature or a loss weight.

    Before each batch (or epoch) the variable gets the value of the schedule. A
    step is an update of the optimizer, counted by `optimizer.iterations`: a
    resumed run goes on where it was, and several batches of gradient
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
            a number. It must stay above 0, for loss weights at or above.
        per: `"step"` or `"epoch"`. Defaults to `"step"`.

    Raises:
        TypeError: If `target` is not a string or `schedule` cannot be called;
            when training starts, if the model is no Distiller.
        ValueError: If `per` is neither; when training starts, if the Distiller
            has no such target; in training, if a value is out of range.

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
        self._value = None

    def set_model(self, model):
        super().set_model(model)
        self._variable = _distiller_attribute(self, model, "hyperparameter")(
            self.target
        )

    def on_epoch_begin(self, epoch, logs=None):
        if self.per == "epoch":
            self._set(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        if self.per == "step":
            iterations = self.model.optimizer.iterations
            self._set(int(keras.ops.convert_to_numpy(iterations)))

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None and self._value is not None:
            logs[self.target] = self._value

    def _set(self, step):
        self._value = self._scheduled(step)
        self._variable.assign(self._value)

    def _scheduled(self, step):
        """The value at a step or epoch, or a refusal of it."""
        value = self.schedule(step)
        try:
            number = float(np.asarray(keras.ops.convert_to_numpy(value)).item())
        except (TypeError, ValueError):
            number = math.nan
        is_weight = self.target.endswith("loss_weight")
        if not (0 <= number < math.inf and (is_weight or number > 0)):
            rule = "at least 0" if is_weight else "above 0"
            raise ValueError(
                f"`schedule` must return a finite number {rule}, since it is "
                f"the value of {self.target}. Received: {value!r} at "
                f"{self.per} {step}."
            )
        return number


class StudentCheckpoint(keras.callbacks.ModelCheckpoint):
    """Saves the student while it is trained, without teacher and Distiller.

    The file is that of `student.save(...)`, or `student.save_weights(...)`
    with `save_weights_only=True`, and loads without this library. To go on
    with an interrupted training, use `keras.callbacks.BackupAndRestore`, which
    keeps the optimizer too.

    With `save_best_only=True`, an epoch without the monitored quantity saves
    nothing (`ModelCheckpoint` would save it as the best). Which way is better
    is known for `loss`, for Keras's own metrics, for the losses of the
    Distiller and for the metrics of `keras_kd` that see the teacher; say
    `mode="min"` or `mode="max"` for others.

    Args:
        filepath: Path that ends in `.keras`, or `.weights.h5` for weights. May
            have fields, such as `"{epoch:02d}-{val_loss:.2f}.keras"`.
        monitor: Key of the logs to judge by. Defaults to `"val_loss"`, the
            total.
        **kwargs: Passed to `keras.callbacks.ModelCheckpoint`.

    Raises:
        TypeError: When training starts, if the model is no Distiller.
        ValueError: If `save_best_only` is set with a `save_freq` in batches;
            after the first epoch, if `save_best_only` is set and the
            logs do not have the monitored quantity.

    Example:

    >>> checkpoint = keras_kd.callbacks.StudentCheckpoint(
    ...     "student.keras", monitor="val_accuracy", save_best_only=True
    ... )
    """

    def __init__(self, filepath, monitor="val_loss", **kwargs):
        super().__init__(filepath, monitor=monitor, **kwargs)
        if self.save_best_only and self.save_freq != "epoch":
            raise ValueError(
                '`save_freq` must be "epoch" with `save_best_only`, since the '
                "best is known after validation. Received: save_freq="
                f"{self.save_freq}, save_best_only=True."
            )
        self._has_warned = False

    def set_model(self, model):
        student = _distiller_attribute(self, model, "student")
        super().set_model(_StudentOf(model, student))

    def on_epoch_end(self, epoch, logs=None):
        if self.save_best_only and self.monitor not in (logs or {}):
            self._miss(logs or {})
            return
        if self.mode == "auto":
            self.mode = self.model.direction(self.monitor) or self.mode
        super().on_epoch_end(epoch, logs)

    def _miss(self, logs):
        """Refuses a wrong `monitor`; warns in an epoch without validation."""
        validated = any(key.startswith("val_") for key in logs)
        if validated or not self.monitor.startswith("val_"):
            raise ValueError(
                "`monitor` must be a key of the logs, since the best student "
                f"is chosen by it. Received: monitor={self.monitor!r}. There "
                f"are: {', '.join(sorted(logs))}."
            )
        if not self._has_warned:
            warnings.warn(
                "StudentCheckpoint saves nothing in epochs without "
                f"{self.monitor}. Give `validation_data` to `fit`.",
                stacklevel=2,
            )
        self._has_warned = True


class _StudentOf:
    """What `ModelCheckpoint` uses of a model: one's metrics, other's files."""

    def __init__(self, distiller, student):
        self.distiller = distiller
        self.save = student.save
        self.save_weights = student.save_weights

    @property
    def metrics(self):
        return self.distiller.metrics

    def direction(self, monitor):
        """`"min"`, `"max"`, or `None` where only Keras can tell."""
        for metric in self.metrics:
            if metric.name == monitor.removeprefix("val_"):
                is_score = isinstance(metric, TeacherMetric)
                is_up = is_score and metric.higher_is_better
                return "max" if is_up else "min"
        return None


def _distiller_attribute(callback, model, name):
    """An attribute that only a Distiller has, or a refusal of the model."""
    if not hasattr(model, name):
        raise TypeError(
            f"`{type(callback).__name__}` must be used with a "
            "`keras_kd.Distiller`, since other models have no "
            f"`{name}`. Received: {type(model).__name__} "
            f'"{getattr(model, "name", model)}".'
        )
    return getattr(model, name)
