"""Finished parts of a job and its files, in the output folder.

A kill at any moment leaves whole files only, and the next call resumes after
them.
"""

import json
import os
import pathlib
import zipfile

import numpy as np

from keras_kd._core import files
from keras_kd._core import own_files
from keras_kd._core import run_folder
from keras_kd._core.files import as_json
from keras_kd.cli._bench import identities
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.report.pages import html_page

FOLDER = "state"
IDENTITY = "job.json"
REPORTS = "report.md", "report.html"
_ARRAY = "record"
# From the folder of the state to the output folder.
_UP = "../"


def check_free(folder, names, flag, is_ours=lambda name: False):
    """Validates that only files of ours would be overwritten.

    Args:
        folder: A `pathlib.Path` of the output folder.
        names: Names of the files.
        flag: Name of the flag that gives the folder.
        is_ours: Called with a name. Defaults to none is ours.

    Raises:
        UnusableError: If other files are there.
    """
    found = [
        name
        for name in names
        if os.path.lexists(folder / name) and not is_ours(name)
    ]
    if found:
        raise UnusableError(
            f"`--{flag}` must have no other files of the names that are "
            "written there, since they would be overwritten. Received: "
            f"--{flag}={folder}, with {own_files.listed(found)} that keras-kd "
            "has not written, or that were changed since. Move them away, or "
            "choose another folder."
        )


class OutputFiles:
    """Files of an output folder that are ours, by their digests.

    Args:
        run: The `RunFolder` of the state, a folder in the output folder.
        flag: Name of the flag that gives the output folder.
    """

    def __init__(self, run, flag):
        self._run = run
        self._flag = flag

    def check(self, names=()):
        """Validates that only files of ours would be overwritten.

        Args:
            names: Names of the files that are to be written. Files written
                before are checked too.

        Raises:
            UnusableError: If there are such files.
        """
        known = [n[len(_UP) :] for n in self._run.names() if n.startswith(_UP)]
        check_free(
            self._run.path.parent,
            dict.fromkeys((*names, *known)),
            self._flag,
            self._is_ours,
        )

    def _is_ours(self, name):
        path = self._run.path.parent / name
        is_plain = path.is_file() and not path.is_symlink()
        return is_plain and self._run.fits(_UP + name)

    def written(self, name):
        """Writes a file as `files.written` does, and records it as ours.

        Args:
            name: Name of the file.
        """
        return self._run.written(_UP + name)

    def write_text(self, name, text):
        """Writes text in UTF-8."""
        with self.written(name) as partial:
            partial.write_text(text, encoding="utf-8")

    def write_report(self, text):
        """Writes Markdown, and a page of it with pictures of the folder."""
        page = html_page(text, self._run.path.parent)
        for name, content in zip(REPORTS, (text, page), strict=True):
            self.write_text(name, content)


def _is_part(path):
    """Whether a file of arrays is one that `State` has saved."""
    try:
        with zipfile.ZipFile(path) as file:
            return f"{_ARRAY}.npy" in file.namelist()
    except zipfile.BadZipFile:
        return False


_PARTS = {
    r"[^/]+\.npz": _is_part,
    r"(teacher|[^/]+_seed\d+)\.keras": own_files.anything,
}
# All that there is in the folder: `own_files.strange`.
OURS = run_folder.OURS | {
    IDENTITY: own_files.begins("{"),
    # Of the processes of a search.
    r"worker_\d+\.log": own_files.anything,
}
OURS |= _PARTS


def prepare_folder(path, flag="output"):
    """Makes a folder that can be written to.

    Args:
        path: Its path.
        flag: Name of the flag that gives it. Defaults to `"output"`.

    Raises:
        UnusableError: If it cannot be made or written to.
    """
    try:
        own_files.make_folder(path, f"--{flag}")
    except ValueError as error:
        raise UnusableError(str(error)) from error


class State:
    """The finished parts of one job.

    A part whose files were damaged counts as missing, with a warning, and is
    made again.

    Args:
        folder: The output folder.
        identity: Description of this job, as JSON has it.
        overwrite: Whether to delete the files of another job there; the same
            job resumes either way. `None` where the user has no such choice.
            Defaults to `False`.
        flag: Name of the flag that gives the folder. Defaults to `"output"`.
        files: Names of the files that the job will write into the output
            folder. Defaults to none.
        discard: Called before another job's files are deleted, to delete what
            else belongs to it. May raise a ValueError, and then deletes
            nothing. Defaults to `None`.
        is_shared: Whether this process only helps the one whose job it is, and
            writes nothing. Defaults to `False`.

    Raises:
        UnusableError: If another job's results are there, or those of an older
            version, or files that no job has written; if another process uses
            the folder; or if there is no job to help. Nothing is deleted then.

    Attributes:
        outputs: The `OutputFiles` of the output folder.
    """

    def __init__(
        self,
        folder,
        identity,
        overwrite=False,
        flag="output",
        files=(),
        discard=None,
        is_shared=False,
    ):
        def replace(run, _):
            if not overwrite:
                found = run.read_json(IDENTITY)
                now = as_json(identity)
                raise UnusableError(
                    identities.refusal(folder, flag, found, now, overwrite)
                )
            OutputFiles(run, flag).check(files)
            own_files.check_removable(run.path, OURS)
            if discard is not None:
                # A kill in between leaves the other job, to be replaced again.
                discard()
            run.clear()

        path = pathlib.Path(folder, FOLDER)
        try:
            own_files.check_no_links(path)
            if not is_begun(folder):
                # None is ours; and the folder is not begun for a refusal.
                check_free(path.parent, files, flag)
            self._run = run_folder.RunFolder(
                path,
                identity,
                argument=f"--{flag}",
                value=folder,
                names=_PARTS,
                marker=IDENTITY,
                other=replace,
                is_shared=is_shared,
            )
        except UnusableError:
            raise
        except ValueError as error:
            raise UnusableError(str(error)) from error
        self.outputs = OutputFiles(self._run, flag)
        self.outputs.check(files)

    def close(self):
        """Lets other processes use the folder."""
        self._run.close()

    def model_path(self, name):
        """Path of the model of a finished part."""
        return str(self._run.path / f"{name}.keras")

    def save(self, name, record, arrays, model=None):
        """Keeps a finished part.

        Args:
            name: Its name.
            record: Dict that JSON can hold.
            arrays: Dict of arrays.
            model: A Keras model that belongs to it, or `None`.
        """
        if model is not None:
            # Or a kill in between leaves an old record beside a new model.
            self._run.remove_file(f"{name}.npz")
            with self._run.written(f"{name}.keras") as partial:
                model.save(partial)
        # Last, since this file marks the part as finished.
        kept = {_ARRAY: np.array(json.dumps(record))}
        self._run.write_arrays(f"{name}.npz", kept | arrays)

    def load(self, name):
        """Loads a finished part.

        Returns:
            `(record, arrays)`, or `None` if it is not finished, or damaged.
        """
        arrays = self._run.read_arrays(f"{name}.npz")
        model = f"{name}.keras"
        is_whole = model not in self._run.names() or self._run.has(model)
        if arrays is None or not is_whole:
            return None
        return json.loads(str(arrays.pop(_ARRAY))), arrays


def is_begun(folder):
    """Whether any job has begun in an output folder."""
    return os.path.exists(os.path.join(folder, FOLDER, IDENTITY))


def finished_model(folder, name):
    """Path of the model of a part that any job has finished, or `None`.

    Raises:
        ValueError: If it is damaged.
    """
    state = pathlib.Path(folder, FOLDER)
    if not (state / f"{name}.npz").exists():
        return None
    path = state / f"{name}.keras"
    digests = files.read_sealed(state / run_folder.DIGESTS)
    # Older versions wrote none.
    if digests is not None and not (
        path.is_file() and files.digest(path) in digests.get(path.name, ())
    ):
        raise files.damaged(path)
    return str(path)
