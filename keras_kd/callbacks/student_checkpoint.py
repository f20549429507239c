"""Saves the student while it is trained."""

import os
import warnings
from typing import Any

import keras

from keras_kd.callbacks.attribute import distiller_attribute
from keras_kd.distribution import is_chief
from keras_kd.metrics.teacher_metric import direction


class StudentCheckpoint(keras.callbacks.ModelCheckpoint):
    """Saves the student while it is trained, without teacher and Distiller.

    The file is that of `student.save(...)`, or `student.save_weights(...)`
    with `save_weights_only=True`, and loads without this library. To resume
    an interrupted training, use `keras.callbacks.BackupAndRestore`, which
    keeps the optimizer too. A `.keras` file that was damaged fails to load;
    weights files of a student have no checksum.

    With `save_best_only=True`, an epoch without the monitored quantity saves
    nothing (`ModelCheckpoint` would save it as the best). Of several workers,
    the chief saves: see `distribution.is_chief`. Which way is better
    is known for `loss`, for Keras's own metrics, for the losses of the
    Distiller and for the metrics of `keras_kd` that see the teacher; pass
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

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        **kwargs: Any,
    ):
        if not isinstance(filepath, str | os.PathLike):
            raise TypeError(
                "`filepath` must be a path, where the student is saved. "
                f"Received: filepath={filepath!r}."
            )
        if not isinstance(monitor, str):
            raise TypeError(
                "`monitor` must be a key of the logs, since the best student "
                f"is chosen by it. Received: monitor={monitor!r}."
            )
        super().__init__(filepath, monitor=monitor, **kwargs)
        if self.save_best_only and self.save_freq != "epoch":
            raise ValueError(
                '`save_freq` must be "epoch" with `save_best_only`, since the '
                "best is known after validation. Received: save_freq="
                f"{self.save_freq}, save_best_only=True."
            )
        self._has_warned = False
        self._is_chief = is_chief()

    def set_model(self, model: keras.Model) -> None:
        student = distiller_attribute(self, model, "student")
        super().set_model(_StudentOf(model, student))

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self._is_chief:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if not self._is_chief:
            return
        if self.save_best_only and self.monitor not in (logs or {}):
            self._miss(logs or {})
            return
        if self.mode == "auto":
            found = direction(self.model.metrics, self.monitor)
            self.mode = found or self.mode
        super().on_epoch_end(epoch, logs)

    def _miss(self, logs):
        """Raises for a wrong `monitor`; warns where validation is missing."""
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
    """Model for `ModelCheckpoint`: Distiller's metrics, student's files."""

    def __init__(self, distiller, student):
        self.distiller = distiller
        self.save = student.save
        self.save_weights = student.save_weights

    @property
    def metrics(self):
        return self.distiller.metrics
