"""Resumes an interrupted `fit`."""

import keras


def set_initial_epoch(model, epoch):
    """Sets the first epoch of the next `fit`.

    Keras 3.15 keeps it in `_initial_epoch`, and never takes it back: the next
    `fit` of the same model would leave out as many epochs. There is no public
    way to do so.

    Args:
        model: A `keras.Model`.
        epoch: The epoch, or `None` for the first.
    """
    model._initial_epoch = epoch


class Backup(keras.callbacks.BackupAndRestore):
    """`BackupAndRestore` that leaves nothing behind in the model."""

    def on_epoch_begin(self, epoch, logs=None):
        # `fit` has read it by now.
        set_initial_epoch(self.model, None)
        super().on_epoch_begin(epoch, logs)

    def on_train_end(self, logs=None):
        # No epoch may have been left to run.
        set_initial_epoch(self.model, None)
        super().on_train_end(logs)
