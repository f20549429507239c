"""Files of a job in its output folder, apart from the user's."""

import contextlib
import hashlib
import os
import pathlib

from keras_kd._core import files
from keras_kd._core import own_files
from keras_kd.cli._shell.errors import UnusableError

RECORD = "written.json"


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
