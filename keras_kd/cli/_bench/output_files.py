"""Files of a job in its output folder, apart from the user's."""

import os

from keras_kd._core import own_files
from keras_kd.cli._shell.errors import UnusableError

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
