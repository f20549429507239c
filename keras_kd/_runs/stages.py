"""The stages of a procedure: each is one `fit`, and is done once."""

import json
import pathlib

import keras

from keras_kd._core import files
from keras_kd._core import identity
from keras_kd._core import own_files
from keras_kd._core import run_folder
from keras_kd.backend.resuming import Backup

# Of the settings: those of another one are not compared.
_FORMAT = 2
# Arguments of procedures that change no result.
_UNCOUNTED = ("callbacks", "directory", "verbose")
# What is there of a stage that is finished.
_HISTORY = "history.json"
_WEIGHTS = "finished.weights.h5"
# All that there is in the folder of a stage: `own_files.strange`.
OURS = dict.fromkeys(
    (
        r"(history|log|best\.weights)\.json",
        r"(finished|best)\.weights\.h5",
        r"backup/(latest\.weights\.h5|training_metadata\.json)?",
    ),
    own_files.anything,
)
# And what procedures keep beside them.
_FILES = (
    r"first_[^/]+\.weights\.h5",
    r"synthetic_\d+\.npz",
    r"state\.json",
    *(rf"[^/]+/({name})" for name in OURS),
)


class Stages:
    """Runs the stages of a procedure and keeps what they finished.

    With a directory, a stage that an earlier call finished is loaded, and one
    that was interrupted goes on behind its last whole epoch.

    Args:
        directory: Folder for what is finished, made if it is not there, or
            `None` to keep nothing.
        arguments: Dict of all that tells this run of the procedure from
            others: what it was called with, and `"procedure"`, its name. What
            is only shown, and where it is kept, do not count.

    Raises:
        ValueError: If the directory has stages of other arguments, or files of
            these names without any settings.
    """

    def __init__(self, directory, arguments):
        self.folder = None if directory is None else pathlib.Path(directory)
        if self.folder is None:
            return
        settings = identity.of_arguments(
            {k: v for k, v in arguments.items() if k not in _UNCOUNTED}
        )
        # NumPy's numbers become those that JSON knows.
        settings = json.loads(json.dumps({"format": _FORMAT} | settings))
        self.folder.mkdir(parents=True, exist_ok=True)
        own_files.check_begun(self.folder, "settings.json", "directory", _FILES)
        found = files.read_json(self.folder / "settings.json")
        if found not in (None, settings):
            self._refuse(found, settings)
        files.write_json(self.folder / "settings.json", settings)

    def _refuse(self, found, settings):
        """Raises an error for the folder of another run."""
        start = "`directory` must be empty or hold the same run, since it goes "
        start += "on where it stopped. Received: directory="
        start += f"{str(self.folder)!r} with "
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise ValueError(
                f"{start}a run that another version of keras_kd wrote. Finish "
                "it with that version, or choose another directory."
            )
        other = run_folder.differences(found, settings)
        remedy = ""
        for name in {text.partition(".weights")[0] for text in other}:
            path = self.folder / f"first_{name}.weights.h5"
            if path.exists():
                remedy = (
                    f" To go on with this run, let `{name}` begin as it did: "
                    f"`{name}.load_weights({str(path)!r})`."
                )
        raise ValueError(
            f"{start}{'; '.join(other)}. Choose another directory.{remedy}"
        )

    def keep_first(self, name, model):
        """Lets a resumed run begin with the weights of the first one.

        Args:
            name: Name for the file.
            model: A model, which keeps its weights, or gets those that it had
                when the run began.
        """
        if self.folder is None:
            return
        path = self.folder / f"first_{name}.weights.h5"
        if path.exists():
            model.load_weights(path)
        else:
            _save_weights(model, path)

    def fit(
        self,
        name,
        model,
        data,
        *,
        epochs,
        batch_size=None,
        patience=None,
        monitor="val_loss",
        mode="min",
        callbacks=(),
        **kwargs,
    ):
        """Trains a compiled model, or takes up what is finished of it.

        Args:
            name: Name of the stage, unique in the procedure.
            model: A compiled model.
            data: A data set of batches, or a tuple of arrays `(x, y)`.
            epochs: Number of epochs, at most.
            batch_size: Examples in a batch, if the data are arrays.
            patience: Number of epochs without a better `monitor` after which
                to stop; the best weights are then put back. `None`, the
                default, trains all epochs and keeps the last weights.
            monitor: Key of the logs to judge by. Defaults to `"val_loss"`.
            mode: `"min"` or `"max"`. Defaults to `"min"`.
            callbacks: Keras callbacks of the user.
            **kwargs: Passed to `fit`.

        Returns:
            The history: a dict from a key to its values, one per epoch run.
        """
        arrays = data if isinstance(data, tuple) else (data,)
        kwargs |= dict(zip(("x", "y", "sample_weight"), arrays, strict=False))
        kwargs |= {"batch_size": batch_size, "epochs": epochs}
        best = None if patience is None else _Best(monitor, mode, patience)
        log = _Log()
        own = [log] if best is None else [log, best]
        if self.folder is not None:
            folder = self.folder / name
            finished = self._take_up(folder, model, log, best)
            if finished is not None:
                return finished
            # Last, for an epoch is over when it is backed up: what the others
            # wrote of one that is not is written again.
            own.append(Backup(folder / "backup"))
        if best is None or not best.is_over(log.num_epochs - 1):
            model.fit(callbacks=[*callbacks, *own], **kwargs)
        if best is not None:
            best.restore(model)
        if self.folder is not None:
            _save_weights(model, folder / _WEIGHTS)
            files.write_json(folder / _HISTORY, log.history)
        return log.history

    def _take_up(self, folder, model, log, best):
        """Finds what is kept of a stage; its history if it is finished."""
        # Keras writes its backups in place, and through links.
        own_files.check_no_links(folder)
        folder.mkdir(exist_ok=True)
        # Weights of an optimizer that is not built are not loaded.
        model.optimizer.build(model.trainable_variables)
        finished = files.read_json(folder / _HISTORY)
        if finished is not None:
            model.load_weights(folder / _WEIGHTS)
            return finished
        log.path = folder / "log.json"
        log.history = files.read_json(log.path) or {}
        if best is not None:
            best.path = folder / "best.weights.h5"
            best.best = files.read_json(best.path.with_suffix(".json"))
        return None


class _Log(keras.callbacks.Callback):
    """The history of all epochs, also of those before an interruption."""

    def __init__(self):
        super().__init__()
        self.path = None
        self.history = {}

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
        if self.path:
            files.write_json(self.path, self.history)


class _Best(keras.callbacks.Callback):
    """Early stopping that an interruption does not make forget."""

    def __init__(self, monitor, mode, patience):
        super().__init__()
        self.path = None
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

    def _keep(self):
        if self.path is None:
            self.weights = [
                keras.ops.convert_to_numpy(v).copy()
                for v in self.model.variables
            ]
            return
        _save_weights(self.model, self.path)
        files.write_json(self.path.with_suffix(".json"), self.best)

    def restore(self, model):
        """Puts the best weights back."""
        if self.path is not None:
            model.load_weights(self.path)
            return
        for variable, value in zip(model.variables, self.weights, strict=True):
            variable.assign(value)


def new_optimizer(optimizer):
    """A fresh optimizer like the one given, for a stage of its own.

    Args:
        optimizer: A Keras optimizer or its name.
    """
    optimizer = keras.optimizers.get(optimizer)
    return type(optimizer).from_config(optimizer.get_config())


def _save_weights(model, path):
    with files.written(path) as partial:
        model.save_weights(partial)
