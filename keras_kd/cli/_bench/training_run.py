"""Data and budget of a student, equal for all ways of training."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

VALIDATION_BATCH = 256


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """Data, budget and optimizer of one student.

    Attributes:
        x: Images as the model takes them, so many as an epoch has.
        y: Their labels, one-hot.
        validation_data: `(x, y)` of the validation part.
        batch_size: Images in an update.
        epochs: Number of epochs.
        rate: Learning rate at the start.
        label_smoothing: Part of each label that is spread over all classes.
        callbacks: Keras callbacks.
    """

    x: object
    y: np.ndarray
    validation_data: tuple
    batch_size: int
    epochs: int
    rate: float
    label_smoothing: float = 0.0
    callbacks: Sequence[keras.callbacks.Callback] = ()

    @property
    def loss(self):
        """The loss of the labels."""
        # Keras smooths labels in this form only.
        return keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=self.label_smoothing
        )

    def optimizer(self, epochs=None):
        """A new optimizer, whose rate falls to zero by a cosine.

        Args:
            epochs: Number of epochs that it is for. Defaults to `None`, all.
        """
        steps = -(-len(self.y) // self.batch_size)
        return keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                self.rate, steps * (epochs or self.epochs)
            )
        )

    def fit(self, model):
        """Compiles and trains a model.

        Args:
            model: A student, or a model that trains one.

        Returns:
            Logs by key, one value per epoch.
        """
        self.compile(model)
        return self.train(model)

    def compile(self, model):
        """Compiles a model for the whole lesson."""
        model.compile(
            optimizer=self.optimizer(), loss=self.loss, metrics=["accuracy"]
        )

    def train(self, model, initial_epoch=0, epochs=None):
        """Trains a compiled model, for the whole lesson or a part of it.

        Args:
            model: What `compile` compiled.
            initial_epoch: Number of epochs that it has had. Defaults to `0`.
            epochs: Number of epochs that it will have had. Defaults to `None`,
                all.

        Returns:
            Logs by key, one value per epoch.
        """
        history = model.fit(
            self.x,
            self.y,
            batch_size=self.batch_size,
            initial_epoch=initial_epoch,
            epochs=epochs or self.epochs,
            validation_data=self.validation_data,
            validation_batch_size=VALIDATION_BATCH,
            callbacks=list(self.callbacks),
            verbose=0,
        )
        return {
            key: [float(value) for value in values]
            for key, values in history.history.items()
        }
