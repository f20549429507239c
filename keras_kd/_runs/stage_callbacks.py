"""Callbacks that keep a stage after each epoch, and resume it."""

import keras

_BEST = "best.weights.h5"


class Kept(keras.callbacks.Callback):
    """A callback that keeps what it knows in the folder of a stage."""

    run = None
    stage = None

    def name(self, file):
        """Path of a file of the stage within the run's folder."""
        return f"{self.stage}/{file}"

    def keep(self, file, value):
        """Writes what JSON can hold, if anything is kept."""
        if self.run is not None:
            self.run.write_json(self.name(file), value)


class Backup(Kept):
    """The state of the training after the last whole epoch.

    Keras's `BackupAndRestore` writes in place: a kill leaves half a file.

    Attributes:
        epoch: Number of whole epochs that are backed up.
    """

    def __init__(self, run, stage):
        super().__init__()
        self.run = run
        self.stage = stage
        self.epoch = 0

    def _weights(self):
        return self.name(f"backup_{self.epoch}.weights.h5")

    def load(self, trained):
        """Puts a model where it was."""
        kept = self.run.read_json(self.name("backup.json"))
        if kept is None:
            return
        self.epoch = kept["epoch"]
        if self.run.has(self._weights()):
            trained.load_weights(self.run.path / self._weights())
        else:
            self.epoch = 0

    def on_epoch_end(self, epoch, logs=None):
        before = self._weights()
        self.epoch = epoch + 1
        save_weights(self.run, self._weights(), self.model)
        self.keep("backup.json", {"epoch": self.epoch})
        self.run.remove_file(before)

    def remove(self):
        """Deletes it, since the stage is finished."""
        self.run.remove_file(self.name("backup.json"))
        self.run.remove_file(self._weights())


class Log(Kept):
    """The history of all epochs, also of those before an interruption."""

    def __init__(self):
        super().__init__()
        self.history = {}

    def read(self):
        """Whether there is one, which is read."""
        self.history = self.run.read_json(self.name("log.json")) or {}
        return bool(self.history)

    @property
    def num_epochs(self):
        """Number of epochs in it."""
        return max(map(len, self.history.values()), default=0)

    def on_epoch_end(self, epoch, logs=None):
        for key, value in (logs or {}).items():
            values = self.history.setdefault(key, [])
            # What stands there of this epoch was never backed up.
            del values[epoch:]
            values.append(float(value))
        self.keep("log.json", self.history)


class Best(Kept):
    """Early stopping that an interruption does not make forget."""

    def __init__(self, monitor, mode, patience):
        super().__init__()
        self.monitor = monitor
        self.sign = {"min": 1.0, "max": -1.0}[mode]
        self.patience = patience
        self.best = None
        self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in (logs or {}):
            raise ValueError(
                "`patience` must come with validation data, since the stage "
                f"stops on {self.monitor!r}. Received logs: {sorted(logs)}."
            )
        value = self.sign * float(logs[self.monitor])
        is_better = self.best is None or value < self.best["value"]
        if is_better or self.best["epoch"] >= epoch:
            self.best = {"value": value, "epoch": epoch}
            self._keep()
        if self.is_over(epoch):
            self.model.stop_training = True

    def is_over(self, epoch):
        """Whether to stop after an epoch."""
        return self.best is not None and (
            epoch - self.best["epoch"] >= self.patience
        )

    def read(self):
        """Whether there is a best epoch, which is read."""
        if self.run.has(self.name(_BEST)):
            self.best = self.run.read_json(self.name("best.weights.json"))
        return self.best is not None

    def _keep(self):
        if self.run is None:
            self.weights = [
                keras.ops.convert_to_numpy(v).copy()
                for v in self.model.variables
            ]
            return
        save_weights(self.run, self.name(_BEST), self.model)
        self.keep("best.weights.json", self.best)

    def restore(self, model):
        """Puts the best weights back."""
        if self.run is not None:
            model.load_weights(self.run.path / self.name(_BEST))
            return
        for variable, value in zip(model.variables, self.weights, strict=True):
            variable.assign(value)


def save_weights(run, name, model):
    """Writes the weights of a model into a folder of a run.

    Args:
        run: A `RunFolder`.
        name: Path of the file within the folder.
        model: A model.
    """
    with run.written(name) as partial:
        model.save_weights(partial)
