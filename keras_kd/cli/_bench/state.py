"""Finished parts of a job, kept in its output folder.

A kill at any moment leaves whole files only, and the next call resumes after
them.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np

from keras_kd._core import files
from keras_kd._core import own_files
from keras_kd.cli._shell.errors import UnusableError

FOLDER = "state"
IDENTITY = "job.json"
RECORD = "written.json"
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


class OutputFiles:
    """Files of an output folder that are ours, by their digests.

    Args:
        folder: The output folder.
        record: Where to keep the digests of all that was ever written.
        flag: Name of the flag that gives the folder.
    """

    def __init__(self, folder, record, flag):
        self.folder = pathlib.Path(folder)
        self.record = pathlib.Path(record)
        self.flag = flag

    def _digests(self):
        """Dict from names to lists of digests."""
        return files.read_json(self.record) or {}

    def check(self, names=()):
        """Validates that only files of ours would be overwritten.

        Args:
            names: Names of the files that are to be written. Files written
                before are checked too.

        Raises:
            UnusableError: If there are such files.
        """
        digests = self._digests()
        found = [
            name
            for name in dict.fromkeys((*names, *digests))
            if os.path.lexists(self.folder / name)
            and not self._is_ours(name, digests)
        ]
        if found:
            raise UnusableError(
                f"`--{self.flag}` must have no other files of the names that "
                "are written there, since they would be overwritten. Received: "
                f"--{self.flag}={self.folder}, with {own_files.listed(found)} "
                "that keras-kd has not written, or that were changed since. "
                "Move them away, or choose another folder."
            )

    def _is_ours(self, name, digests):
        path = self.folder / name
        is_plain = path.is_file() and not path.is_symlink()
        return is_plain and _digest(path) in digests.get(name, ())

    @contextlib.contextmanager
    def written(self, name):
        """Writes a file as `files.written` does, and records it as ours.

        Args:
            name: Name of the file.
        """
        with files.written(self.folder / name) as partial:
            yield partial
            # Before the move: after a kill in between, the file must still
            # count as ours.
            digests = self._digests()
            of_name = digests.setdefault(name, [])
            if _digest(partial) not in of_name:
                of_name.append(_digest(partial))
                files.write_json(self.record, digests)

    def write_text(self, name, text):
        """Writes text in UTF-8."""
        with self.written(name) as partial:
            partial.write_text(text, encoding="utf-8")

    def remove(self):
        """Removes our files, after `check`."""
        for name in self._digests():
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.folder / name)


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
