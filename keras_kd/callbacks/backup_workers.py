"""Resumes an interrupted training of several workers."""

import json
import os
import re
from typing import Any

import keras

from keras_kd import backend
from keras_kd._core import own_files
from keras_kd._core.run_folder import RunFolder
from keras_kd.backend.neutral import set_initial_epoch
from keras_kd.distribution import is_chief

_NAME = "epoch-{:06d}.weights.h5"
# A kill can leave workers one epoch apart.
_KEPT = 2
_PATTERN = re.compile(r"epoch-(\d{6,})\.weights\.h5")


class BackupWorkers(keras.callbacks.Callback):
    """Backs up a training of several workers, and resumes it.

    `keras.callbacks.BackupAndRestore` keeps one file, which all workers would
    write, and a kill can leave workers at different epochs. Here each keeps its
    last two epochs, in a folder of its own, and they resume after the last one
    that all of them have. Start all workers again after one was killed: the
    others fail when they lose contact; if they hang, kill them too. A damaged
    backup does not count, with a warning.

    One process can use it too. A learning rate or a temperature that a callback
    changes belongs into a variable, as `Anneal` does it; the order of shuffled
    data is another one after a restart, as in Keras.

    Args:
        directory: Folder for the backups; all workers may name the same. What
            is in it stays after the training, so that a worker that was killed
            in the last moment finds the others' end: delete it, or name another
            one, for the next training, and for each trial of a search.

    Raises:
        TypeError: When training starts, if the model has no optimizer.
        ValueError: If a folder or file in `directory` is a link; if `TF_CONFIG`
            cannot be read. When training starts, if some workers have backups
            of several epochs, and of no epoch all of them; if another process
            uses the worker's folder, or an older version wrote what is there.

    Example:

    >>> import tempfile
    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> student.compile("adam", "mse")
    >>> folder = tempfile.mkdtemp()
    >>> data = np.zeros((8, 4)), np.zeros((8, 3))
    >>> for epochs in (2, 3):
    ...     backup = keras_kd.callbacks.BackupWorkers(folder)
    ...     history = student.fit(
    ...         *data, epochs=epochs, callbacks=[backup], verbose=0)
    ...     print(history.epoch)
    [0, 1]
    [2]
    """

    def __init__(self, directory: str | os.PathLike[str]):
        super().__init__()
        directory = own_files.make_folder(directory, "directory")
        own_files.check_no_links(directory / _worker_name())
        self.directory = own_files.make_folder(
            directory / _worker_name(), "directory"
        )
        self._run = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if getattr(self.model, "optimizer", None) is None:
            raise TypeError(
                "`BackupWorkers` must be used with a compiled model, since it "
                f'keeps the optimizer too. Received: "{self.model.name}".'
            )
        self._run = RunFolder(
            self.directory,
            {"keeps": "epochs"},
            argument="directory",
            names=(_PATTERN.pattern,),
        )
        whole = [n for n in self._epochs() if self._run.has(_NAME.format(n))]
        epoch = newest_common(
            backend.gather_ints(self.model, whole[-_KEPT:], _KEPT)
        )
        if epoch is None:
            return
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(self.directory / _NAME.format(epoch))
        set_initial_epoch(self.model, epoch)

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        set_initial_epoch(self.model, None)  # `fit` has read it by now.

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        done = epoch + 1
        with self._run.written(_NAME.format(done)) as partial:
            # All workers together: a part of the state is gathered from all.
            self.model.save_weights(partial)
        for old in self._epochs():
            if old <= done - _KEPT:
                self._run.remove_file(_NAME.format(old))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        set_initial_epoch(self.model, None)  # No epoch may have been left.
        self._run.close()

    def _epochs(self):
        """Numbers of finished epochs that are here."""
        matches = (
            _PATTERN.fullmatch(path.name) for path in self.directory.iterdir()
        )
        return sorted(int(match[1]) for match in matches if match)


def newest_common(epochs):
    """The last epoch that all workers have.

    Args:
        epochs: List of lists of integers, one for each worker.

    Returns:
        An integer, or `None` if all have to begin anew.

    Raises:
        ValueError: If some have more than one epoch, and no epoch is common to
            all.
    """
    common = set.intersection(*map(set, epochs))
    # With one epoch the others were killed within their first one: all begin
    # anew.
    if not common and any(len(found) > 1 for found in epochs):
        raise ValueError(
            "All workers must have a backup of the same epoch, or be within "
            f"their first one. Received: epochs of the workers {epochs}. Give "
            "each worker the folder that it had, or delete all of them to "
            "begin anew."
        )
    return max(common, default=None)


def _worker_name():
    """`worker-0`, or the like; `alone` for a single process."""
    is_chief()  # Validates `TF_CONFIG`.
    config = os.environ.get("TF_CONFIG", "")
    if config in ("", "{}"):
        return "alone"
    task = json.loads(config)["task"]
    return f"{task['type']}-{task['index']}"
