"""Goes on with a `fit` that was interrupted."""

import keras


class Backup(keras.callbacks.BackupAndRestore):
    """`BackupAndRestore` that leaves nothing behind in the model.

    Keras 3.15 tells `fit` in `_initial_epoch` where to go on, and never takes
    it back: the next `fit` of the same model would leave out as many epochs.
    There is no public way to do so.
    """

    def on_epoch_begin(self, epoch, logs=None):
        # `fit` has read it by now.
        self.model._initial_epoch = None
        super().on_epoch_begin(epoch, logs)

    def on_train_end(self, logs=None):
        # No epoch may have been left to run.
        self.model._initial_epoch = None
        super().on_train_end(logs)
