"""Finished parts of a job, kept in its output folder.

A kill at any moment leaves whole files only, and the next call resumes after
them.
"""

import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np

from keras_kd._core import files
from keras_kd._core import own_files
from keras_kd.cli._bench.output_files import RECORD
from keras_kd.cli._bench.output_files import OutputFiles
from keras_kd.cli._shell.errors import UnusableError

FOLDER = "state"
IDENTITY = "job.json"
_ARRAY = "record"


def _is_part(path):
    """Whether a file of arrays is one that `State` has saved."""
    try:
        with zipfile.ZipFile(path) as file:
            return f"{_ARRAY}.npy" in file.namelist()
    except zipfile.BadZipFile:
        return False


# All that there is in the folder: `own_files.strange`.
OURS = {
    IDENTITY: own_files.begins("{"),
    RECORD: own_files.begins("{"),
    r"[^/]+\.npz": _is_part,
    r"(teacher|[^/]+_seed\d+)\.keras": own_files.anything,
    # Of the processes of a search.
    r"worker_\d+\.log": own_files.anything,
}


def prepare_folder(path, flag="output"):
    """Makes a folder that can be written to.

    Args:
        path: Its path.
        flag: Name of the flag that gives it. Defaults to `"output"`.

    Raises:
        UnusableError: If it cannot be made or written to.
    """
    try:
        os.makedirs(path, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UnusableError(
            f"`--{flag}` must be a folder that can be written to, since the "
            f"results go there. Received: --{flag}={path} "
            f"({error.strerror}). Choose another folder."
        ) from error


class State:
    """The finished parts of one job.

    Args:
        folder: The output folder.
        identity: Description of this job, as JSON has it.
        overwrite: Whether to delete the files of another job there; the same
            job resumes either way. `None` where the user has no such choice.
            Defaults to `False`.
        flag: Name of the flag that gives the folder. Defaults to `"output"`.
        files: Names of the files that the job will write into the output
            folder. Defaults to none.

    Raises:
        UnusableError: If another job's results are there, or files that no job
            has written. Nothing is deleted then.

    Attributes:
        replaces: Whether another job was deleted.
        outputs: The `OutputFiles` of the output folder.
    """

    def __init__(
        self, folder, identity, overwrite=False, flag="output", files=()
    ):
        self.folder = os.path.join(folder, FOLDER)
        self.outputs = OutputFiles(folder, self._path(RECORD), flag)
        try:
            self._begin(folder, identity, overwrite, flag, files)
        except UnusableError:
            raise
        except ValueError as error:
            raise UnusableError(str(error)) from error

    def _begin(self, folder, identity, overwrite, flag, outputs):
        own_files.check_no_links(self.folder)
        identity = json.loads(json.dumps(identity))
        found = self._identity()
        self.replaces = found is not None and found != identity
        if self.replaces:
            if not overwrite:
                _refuse(folder, found, identity, overwrite, flag)
            own_files.check_removable(self.folder, OURS)
        elif found is None and os.path.isdir(self.folder):
            own_files.check_begun(
                pathlib.Path(self.folder), IDENTITY, f"--{flag}", OURS
            )
        self.outputs.check(outputs)
        if self.replaces:
            self.outputs.remove()
            own_files.remove_folder(self.folder, OURS)
        if found != identity:
            os.makedirs(self.folder, exist_ok=True)
            files.write_json(self._path(IDENTITY), identity)

    def _identity(self):
        """Reads the identity of the job in the folder; `None` without one."""
        return files.read_json(self._path(IDENTITY))

    def _path(self, name):
        return os.path.join(self.folder, name)

    def model_path(self, name):
        """Path of the model of a finished part."""
        return self._path(f"{name}.keras")

    def save(self, name, record, arrays, model=None):
        """Keeps a finished part.

        Args:
            name: Its name.
            record: Dict that JSON can hold.
            arrays: Dict of arrays.
            model: A Keras model that belongs to it, or `None`.
        """
        if model is not None:
            with files.written(self.model_path(name)) as partial:
                model.save(partial)
        # Last, since this file marks the part as finished.
        with files.written(self._path(f"{name}.npz")) as partial:
            np.savez(
                partial, **{_ARRAY: np.array(json.dumps(record))}, **arrays
            )

    def load(self, name):
        """Loads a finished part.

        Returns:
            `(record, arrays)`, or `None` if it is not finished.
        """
        path = self._path(f"{name}.npz")
        if not os.path.exists(path):
            return None
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        return json.loads(str(arrays.pop(_ARRAY))), arrays


def finished_model(folder, name):
    """Path of the model of a part that any job has finished, or `None`."""
    stem = os.path.join(folder, FOLDER, name)
    return f"{stem}.keras" if os.path.exists(f"{stem}.npz") else None


def _refuse(folder, found, identity, overwrite, flag):
    shown = ", ".join(
        f"{key}={found.get(key)!r} there and {identity.get(key)!r} now"
        for key in sorted(found | identity)
        if found.get(key) != identity.get(key)
    )
    remedy = "" if overwrite is None else ", or add --overwrite"
    raise UnusableError(
        f"`--{flag}` must be empty or hold results of the same job, since a "
        f"job goes on where it stopped. Received: --{flag}={folder}, with "
        f"{shown}. Choose another folder{remedy}."
    )
