"""Folders in which a run is kept, and taken up again."""

import contextlib
import json
import pathlib
import warnings
import weakref

import numpy as np

from keras_kd._core import files
from keras_kd._core import locks
from keras_kd._core import own_files

DIGESTS = "digests"  # No `.json`: results may be looked for by that.
# Files of each such folder, for `own_files.strange`.
OURS = {
    DIGESTS: own_files.begins('{"content":'),
    own_files.LOCK: locks.is_ours,
}
# Characters of a value in an error.
_SHOWN = 40


class RunFolder:
    """A folder with what is finished of one run.

    It is used by one process at a time, holds one run, that of its settings,
    and notices every byte that was changed since it was written: what was
    damaged counts as missing, with a warning, and is made again.

    Args:
        path: The folder, made if it is not there.
        settings: Dict that JSON can hold: all that tells the run from others.
        argument: The caller's argument that names the folder.
        names: Regular expressions for the paths within the folder that are
            written.
        value: What the argument is. Defaults to `None`, the folder.
        marker: Name of the file of the settings. Defaults to
            `"settings.json"`.
        other: Called with this object and the list of `differences` where
            another run is there. Returns a sentence for the error. It may
            `clear` the folder: then this run begins. Defaults to `None`.
        is_shared: Whether the folder may be used by the process that this one
            works for; nothing may be written then. Defaults to `False`.

    Raises:
        ValueError: If the folder cannot be written to, is used by another
            process, holds another run or one of an older version, has files of
            these names without any settings, or is to be shared and holds no
            run.
    """

    def __init__(
        self,
        path,
        settings,
        *,
        argument,
        names,
        value=None,
        marker="settings.json",
        other=None,
        is_shared=False,
    ):
        if not is_shared:
            own_files.make_folder(path, argument)
        self.path = pathlib.Path(path)
        self._argument = argument
        self._received = f"{argument}={str(value or path)!r}"
        self._marker = marker
        settings = files.as_json(settings)
        release = _nothing
        if not is_shared:
            for name in (marker, DIGESTS):
                own_files.check_file(self.path / name)
            own_files.check_begun(self.path, marker, argument, names)
            release = locks.taken(self.path, argument, value).release
        elif not (self.path / marker).exists():
            raise ValueError(
                f"`{argument}` must hold the run that this process helps with. "
                f"Received: {self._received} without {marker!r}. Begin the run "
                "first."
            )
        # At the end of the process, if not before.
        self.close = weakref.finalize(self, release)
        if (self.path / marker).exists():
            self._check_same(settings, other)
        if is_shared:
            return
        if not (self.path / marker).exists():
            self._check_own_digests()
            self.write_json(marker, settings)
        elif not self.fits(marker):
            # These settings are the right ones: what was lost are the digests.
            self._warn(self.path / DIGESTS)
            self.write_json(marker, settings)

    def _check_own_digests(self):
        path = self.path / DIGESTS
        if path.exists() and not own_files.begins('{"content":')(path):
            raise ValueError(
                f"{str(path)!r} must be a file that keras_kd has written, "
                "since it is written over. Received: other content. Choose "
                f"another {self._argument}."
            )

    def _check_same(self, settings, other):
        start = (
            f"`{self._argument}` must be empty or hold the same run, since it "
            f"goes on where it stopped. Received: {self._received} with "
        )
        end = f" Choose another {self._argument}."
        if self._is_older():
            raise ValueError(
                f"{start}a run that an older version of keras_kd wrote, or "
                f"whose file {DIGESTS!r} was lost. Finish it with that "
                "version, or restore the file from a copy."
                f"{end.replace(' Choose', ' Or choose')}"
            )
        try:
            found = files.read_json(self.path / self._marker)
        except ValueError:
            found = None
        if found == settings:
            return
        if not self.fits(self._marker):
            raise ValueError(
                f"{start}a damaged file {self._marker!r}: it is not as it was "
                f"written. Restore it from a copy.{end}"
            )
        differing = differences(found, settings)
        more = other(self, differing) if other else ""
        if (self.path / self._marker).exists():
            raise ValueError(f"{start}{'; '.join(differing)}.{end}{more}")

    def _is_older(self):
        """Whether the digests are missing, or have another form than ours."""
        try:
            found = files.read_json(self.path / DIGESTS)
        except ValueError:
            return False
        if not isinstance(found, dict):
            return found is None
        return found.keys() != json.loads(files.seal(None)).keys()

    @contextlib.contextmanager
    def written(self, name):
        """Gives a path to write to, and notes the digest of what is there then.

        Args:
            name: Path of the file within the folder, with slashes.

        Returns:
            As `files.written`.
        """
        with files.written(self.path / name) as partial:
            yield partial
            digests = self._digests()
            # A kill before the file is moved leaves the one that is there.
            path = self.path / name
            now = files.digest(path) if path.exists() else None
            kept = [of_one for of_one in digests.get(name, ()) if of_one == now]
            digests[name] = [*kept, files.digest(partial)]
            self._write_digests(digests)

    def write_json(self, name, value):
        """Writes what JSON can hold."""
        with self.written(name) as partial:
            partial.write_text(json.dumps(value, indent=2), encoding="utf-8")

    def read_json(self, name):
        """Reads what `write_json` wrote; None if it is missing or damaged."""
        return files.read_json(self.path / name) if self.has(name) else None

    def write_arrays(self, name, arrays):
        """Writes a dict of arrays, as NumPy's `.npz`."""
        with self.written(name) as partial:
            np.savez(partial, **arrays)

    def read_arrays(self, name):
        """Reads what `write_arrays` wrote; None if it is missing or damaged."""
        if not self.has(name):
            return None
        with np.load(self.path / name, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    def has(self, name):
        """Whether a file is there, as it was written; warns if it is damaged.

        Args:
            name: Path of the file within the folder, with slashes.
        """
        path = self.path / name
        own_files.check_file(path)
        if not path.exists():
            return False
        if not self.fits(name):
            self._warn(path)
            return False
        return True

    def names(self):
        """Paths within the folder of all that was ever written."""
        return list(self._digests())

    def fits(self, name):
        """Whether a file that is there is as it was written."""
        return files.digest(self.path / name) in self._digests().get(name, ())

    def clear(self):
        """Deletes all that is in the folder or was written, but the lock."""
        # After a kill on the way, there still is another run.
        last = (self._marker, DIGESTS)
        for name in self._digests():
            if name not in last:
                (self.path / name).unlink(missing_ok=True)
        own_files.clear_folder(self.path, (*last, own_files.LOCK))
        for name in last:
            (self.path / name).unlink(missing_ok=True)

    def remove(self, name, ours):
        """Deletes a folder within this one; see `own_files.remove_folder`."""
        own_files.remove_folder(self.path / name, ours)
        kept = self._digests().items()
        self._write_digests(
            {k: v for k, v in kept if not k.startswith(f"{name}/")}
        )

    def remove_file(self, name):
        """Deletes a file, if it is there."""
        own_files.check_file(self.path / name)
        (self.path / name).unlink(missing_ok=True)
        kept = self._digests()
        kept.pop(name, None)
        self._write_digests(kept)

    def _digests(self):
        path = self.path / DIGESTS
        try:
            return files.read_sealed(path) or {}
        except ValueError:
            self._warn(path)
            return {}

    def _write_digests(self, digests):
        files.write_sealed(self.path / DIGESTS, digests)

    def _warn(self, path):
        warnings.warn(
            f"{str(path)!r} is not as it was written: it was damaged, or "
            "changed by others. What it held is made again.",
            stacklevel=4,
        )


def _nothing():
    """Releases no lock."""


def differences(found, now):
    """Lists in which values two dicts of `of_arguments` differ.

    Args:
        found: A dict, or a part of one.
        now: Another.

    Returns:
        Texts such as `"data=1f3a, now 77b0"`, the argument first, and dots
        between the parts of a value.
    """
    return [
        f"{path}={_shown(old)}, now {_shown(new)}"
        for path, old, new in _differing("", found, now)
    ]


def _differing(path, found, now):
    if found == now:
        return
    if isinstance(found, list) and isinstance(now, list):
        if len(found) == len(now):
            found, now = (dict(enumerate(part)) for part in (found, now))
    if not (isinstance(found, dict) and isinstance(now, dict)):
        yield path, found, now
        return
    for key in {**found, **now}:
        inner = f"{path}.{key}" if path else str(key)
        yield from _differing(inner, found.get(key), now.get(key))


def _shown(value):
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
