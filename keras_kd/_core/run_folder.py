"""Folders in which a run is kept, and taken up again."""

import contextlib
import hashlib
import json
import pathlib
import warnings
import weakref

from keras_kd._core import files
from keras_kd._core import own_files
from keras_kd._core.locks import FolderLock

_SETTINGS = "settings.json"
_DIGESTS = "digests"  # No `.json`: results may be looked for by that.
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
        remedy: Function from the list of `differences` to a sentence for the
            error. Defaults to `None`.

    Raises:
        ValueError: If the folder is used by another process, holds another run
            or one of an older version, or has files of these names without any
            settings.
    """

    def __init__(self, path, settings, *, argument, names, remedy=None):
        self.path = pathlib.Path(path)
        self._argument = argument
        self.path.mkdir(parents=True, exist_ok=True)
        own_files.check_begun(self.path, _SETTINGS, argument, names)
        # Released at the end of the process, if not before.
        weakref.finalize(self, taken(self.path, argument).release)
        settings = files.as_json(settings)
        if not (self.path / _SETTINGS).exists():
            self._check_own_digests()
            self.write_json(_SETTINGS, settings)
        else:
            self._check_same(settings, remedy)

    def _check_own_digests(self):
        path = self.path / _DIGESTS
        own_files.check_file(path)
        if path.exists() and not own_files.begins('{"content":')(path):
            raise ValueError(
                f"{str(path)!r} must be a file that keras_kd has written, "
                "since it is written over. Received: other content. Choose "
                f"another {self._argument}."
            )

    def _check_same(self, settings, remedy):
        start = (
            f"`{self._argument}` must be empty or hold the same run, since it "
            f"goes on where it stopped. Received: {self._argument}="
            f"{str(self.path)!r} with "
        )
        end = f" Choose another {self._argument}."
        if not (self.path / _DIGESTS).exists():
            raise ValueError(
                f"{start}a run that an older version of keras_kd wrote. Finish "
                f"it with that version.{end.replace(' Choose', ' Or choose')}"
            )
        try:
            found = files.read_json(self.path / _SETTINGS)
        except ValueError:
            found = None
        if found == settings:
            return
        if not self._fits(_SETTINGS):
            raise ValueError(
                f"{start}a damaged file {_SETTINGS!r}: it is not as it was "
                f"written. Restore it from a copy.{end}"
            )
        other = differences(found, settings)
        more = remedy(other) if remedy else ""
        raise ValueError(f"{start}{'; '.join(other)}.{end}{more}")

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
            # A kill before the file is moved leaves the one before.
            digests[name] = [*digests.get(name, ())[-1:], _digest(partial)]
            self._write_digests(digests)

    def write_json(self, name, value):
        """Writes what JSON can hold."""
        with self.written(name) as partial:
            partial.write_text(json.dumps(value, indent=2), encoding="utf-8")

    def read_json(self, name):
        """Reads what `write_json` wrote; None if it is missing or damaged."""
        return files.read_json(self.path / name) if self.has(name) else None

    def has(self, name):
        """Whether a file is there, as it was written; warns if it is damaged.

        Args:
            name: Path of the file within the folder, with slashes.
        """
        path = self.path / name
        if not path.exists():
            return False
        own_files.check_file(path)
        if not self._fits(name):
            self._warn(path)
            return False
        return True

    def remove(self, name, ours):
        """Deletes a folder within this one; see `own_files.remove_folder`."""
        own_files.remove_folder(self.path / name, ours)
        kept = self._digests().items()
        self._write_digests(
            {k: v for k, v in kept if not k.startswith(f"{name}/")}
        )

    def remove_file(self, name):
        """Deletes a file, if it is there."""
        (self.path / name).unlink(missing_ok=True)
        kept = self._digests()
        kept.pop(name, None)
        self._write_digests(kept)

    def _fits(self, name):
        return _digest(self.path / name) in self._digests().get(name, ())

    def _digests(self):
        path = self.path / _DIGESTS
        try:
            return files.read_sealed(path) or {}
        except ValueError:
            self._warn(path)
            return {}

    def _write_digests(self, digests):
        files.write_sealed(self.path / _DIGESTS, digests)

    def _warn(self, path):
        warnings.warn(
            f"{str(path)!r} is not as it was written: it was damaged, or "
            "changed by others. What it held is made again.",
            stacklevel=4,
        )


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def taken(path, argument):
    """Takes the lock of a folder.

    Args:
        path: A folder that is there.
        argument: The caller's argument that names it.

    Returns:
        The `FolderLock`, to be released.

    Raises:
        ValueError: If another process has it.
    """
    lock = FolderLock(path)
    if not lock.acquire():
        raise ValueError(
            f"`{argument}` must be used by one process at a time, since both "
            f"would write the same files. Received: {argument}={str(path)!r}, "
            f"which {lock.holder()} uses. Wait until that has ended, or choose "
            f"another {argument}."
        )
    return lock


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
