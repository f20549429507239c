"""Stages of a procedure: each is one `fit`, and runs once."""

import keras

from keras_kd._core import identity
from keras_kd._core import own_files
from keras_kd._core import run_folder
from keras_kd._runs import stage_callbacks
from keras_kd._runs.stage_callbacks import save_weights

# Arguments of procedures that change no result.
_UNCOUNTED = ("callbacks", "directory", "verbose")
# Files of a finished stage.
_HISTORY = "history.json"
_WEIGHTS = "finished.weights.h5"
# All files in the folder of a stage: see `own_files.strange`.
OURS = dict.fromkeys(
    (
        r"(history|log|best\.weights)\.json",
        r"(finished|best)\.weights\.h5",
        r"backup(\.json|_\d+\.weights\.h5)",
    ),
    own_files.anything,
)
# And files of the procedures beside them.
_FILES = (
    r"first_[^/]+\.weights\.h5",
    r"(synthetic|texts)_\d+\.npz",
    r"state\.json",
    *(rf"[^/]+/({name})" for name in OURS),
)


class Stages:
    """Runs the stages of a procedure and keeps their results.

    With a directory, a stage that an earlier call finished is loaded, and one
    that was interrupted resumes after its last whole epoch.

    Args:
        directory: Folder for what is finished, made if it is not there, or
            `None` to keep nothing.
        arguments: Dict of all that identifies this run of the procedure: its
            arguments, and `"procedure"`, its name. What is only shown, and
            where it is kept, do not count.

    Raises:
        ValueError: If the directory has stages of other arguments, or files of
            these names without any settings.
    """

    def __init__(self, directory, arguments):
        self.folder = self.run = None
        if directory is not None:
            counted = [key for key in arguments if key not in _UNCOUNTED]
            # A backend has random numbers of its own.
            known = {k: arguments[k] for k in counted} | {
                "backend": keras.backend.backend()
            }
            self.run = run_folder.RunFolder(
                directory,
                identity.of_arguments(known),
                argument="directory",
                names=_FILES,
                other=self._remedy,
            )
            self.folder = self.run.path

    def _remedy(self, run, differences):
        """Tells the way out if only the first weights of a model differ."""
        if len(differences) > 1:
            return ""
        name = differences[0].partition(".weights=")[0]
        path = run.path / _first(name)
        if not path.exists():
            return ""
        return (
            f" To go on, let `{name}` begin as it did: "
            f"`{name}.load_weights({str(path)!r})`."
        )

    def keep_first(self, name, model):
        """Restores the first run's initial weights in a resumed run.

        Args:
            name: Name for the file.
            model: A model, which keeps its weights, or gets those that it had
                when the run began.
        """
        if self.run is None:
            return
        if self.run.has(_first(name)):
            model.load_weights(self.run.path / _first(name))
        else:
            save_weights(self.run, _first(name), model)

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
        """Trains a compiled model, or resumes its training.

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
        best = (
            None
            if patience is None
            else stage_callbacks.Best(monitor, mode, patience)
        )
        log = stage_callbacks.Log()
        own = [log] if best is None else [log, best]
        if self.run is not None:
            for callback in own:
                callback.run, callback.stage = self.run, name
            # Last, for an epoch is over when it is backed up: what the others
            # wrote of one that is not is written again.
            backup = stage_callbacks.Backup(self.run, name)
            finished = self._take_up(name, model, own, backup)
            if finished is not None:
                return finished
            own.append(backup)
            kwargs["initial_epoch"] = backup.epoch
        if best is None or not best.is_over(log.num_epochs - 1):
            model.fit(callbacks=[*callbacks, *own], **kwargs)
        if best is not None:
            best.restore(model)
        if self.run is not None:
            save_weights(self.run, f"{name}/{_WEIGHTS}", model)
            self.run.write_json(f"{name}/{_HISTORY}", log.history)
            backup.remove()
        return log.history

    def _take_up(self, name, model, callbacks, backup):
        """Finds what is kept of a stage; its history if it is finished."""
        folder = self.folder / name
        own_files.check_no_links(folder)
        own_files.make_folder(folder, "directory")
        # Weights of an optimizer that is not built are not loaded.
        model.optimizer.build(model.trainable_variables)
        finished = self.run.read_json(f"{name}/{_HISTORY}")
        weights = f"{name}/{_WEIGHTS}"
        if finished is not None and self.run.has(weights):
            model.load_weights(self.run.path / weights)
            return finished
        # Each of an epoch that is backed up was written before.
        if all([callback.read() for callback in callbacks]):
            backup.load(model)
        return None


def _first(name):
    return f"first_{name}.weights.h5"
