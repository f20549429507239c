"""The folder of a cache, as the flags of the command line name it."""

import contextlib
import dataclasses
import os
import pathlib

from keras_kd import teachers
from keras_kd._core import own_files
from keras_kd._core.identity import fingerprint
from keras_kd.cli._bench import state
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.teachers import caching
from keras_kd.teachers._cache import lock
from keras_kd.teachers._cache import records
from keras_kd.teachers._cache import shards
from keras_kd.teachers._cache.records import PLAN

TEACHER = "teacher"
OURS = shards.OURS | {
    f"{state.FOLDER}/({name})": check for name, check in state.OURS.items()
}


@dataclasses.dataclass(frozen=True)
class CacheFolder:
    """A folder that holds a cache, or is to hold one.

    A teacher that was trained for it, not given, is kept in it.

    Attributes:
        path: Its path.
        flag: Name of the flag that gives it.
    """

    path: str
    flag: str

    def prepare(self):
        """Makes the folder, if it is missing."""
        state.prepare_folder(self.path, self.flag)

    def own_teacher(self):
        """Path of the teacher that is kept here, or `None`.

        Raises:
            UnusableError: If the cache is that of a teacher that was given.
        """
        path = state.finished_model(self.path, TEACHER)
        if path is None and (pathlib.Path(self.path) / PLAN).exists():
            raise UnusableError(
                "`--teacher` must be given, since the cache holds the answers "
                f"of a saved model. Received: --{self.flag}={self.path} "
                "without --teacher. Name the same model again, or choose "
                "another folder."
            )
        return path

    def keep_teacher(self, identity, train):
        """Keeps a teacher here, with a lock between processes.

        Args:
            identity: What it is trained on, and how.
            train: Called with the `State` in which it is kept, or saved.

        Returns:
            What `train` returned.
        """
        try:
            own_files.check_file(pathlib.Path(self.path, own_files.LOCK))
        except ValueError as error:
            raise self.unusable(error) from error
        with lock.locked(pathlib.Path(self.path), print):
            kept = state.State(
                self.path, identity, overwrite=None, flag=self.flag
            )
            with contextlib.closing(kept):
                return train(kept)

    def open(self):
        """Opens the cache; `None` if it is not finished."""
        try:
            if caching.is_complete(pathlib.Path(self.path)):
                return teachers.CachedTeacher(self.path)
        except ValueError as error:
            raise self.unusable(error) from error
        return None

    def check_teacher(self, teacher):
        """Validates that a cache that is there is of this teacher."""
        path = pathlib.Path(self.path) / PLAN
        if not path.exists():
            return
        try:
            cached = records.read(path)["teacher"]
        except ValueError as error:
            raise self.unusable(error) from error
        if cached != fingerprint(teacher).hex():
            raise UnusableError(
                f"`--{self.flag}` must be the cache of this teacher, since the "
                "student would learn from another. Received: "
                f"--{self.flag}={self.path}, of a teacher with other weights. "
                "Name that teacher with --teacher, or choose an empty folder."
            )

    def write(self, teacher, images, **options):
        """Writes the cache, or the missing rest of it.

        Args:
            teacher: A model that gives logits.
            images: All training images.
            **options: See `teachers.cache_teacher`.

        Returns:
            A `CachedTeacher`.
        """
        try:
            return teachers.cache_teacher(teacher, images, self.path, **options)
        except (ValueError, TypeError) as error:
            raise self.unusable(error) from error

    def num_bytes(self):
        """Bytes of all shards."""
        files = pathlib.Path(self.path).glob("*.tfrecord")
        return sum(os.path.getsize(file) for file in files)

    def check_removable(self):
        """Validates that the folder holds nothing but a cache."""
        own_files.check_removable(self.path, OURS)

    def remove(self):
        """Deletes the folder, if it holds nothing but a cache."""
        own_files.remove_folder(self.path, OURS)

    def unusable(self, error):
        """Wraps an error of the library in an `UnusableError`."""
        return UnusableError(
            f"The cache in --{self.flag}={self.path} cannot be used. {error}"
        )
