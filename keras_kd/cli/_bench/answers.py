"""Cached answers of a teacher: their folder, and their rows in memory."""

import contextlib
import dataclasses
import os
import pathlib

import keras
import numpy as np

from keras_kd import batch
from keras_kd import teachers
from keras_kd._core import locks
from keras_kd._core import own_files
from keras_kd._core import places
from keras_kd._core import tapped_model
from keras_kd._core.identity import fingerprint
from keras_kd.cli._bench import state
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.datasets.image_set import ImageSet
from keras_kd.teachers import caching
from keras_kd.teachers._cache import attach
from keras_kd.teachers._cache import records
from keras_kd.teachers._cache import shards
from keras_kd.teachers._cache.records import PLAN
from keras_kd.teachers.cached import CachedTeacher

# Keras keeps two more copies, in float32.
MAX_BYTES = 2 * 2**30
READ = 1024


@dataclasses.dataclass(frozen=True)
class CachedAnswers:
    """The rows of a cache, in memory as the images are.

    Attributes:
        teacher: The cache, in place of the teacher.
        rows: Arrays by name, with a row for each training image of the data.
        numbers: The images that the models are tuned on, each as its number
            among the training images of the data.
    """

    teacher: CachedTeacher
    rows: dict[str, dict[str, np.ndarray]]
    numbers: ImageSet

    def beside(self, images, numbers):
        """Input for a Distiller.

        Args:
            images: Training images of the data, `(examples, ...)`.
            numbers: Their numbers, `(examples,)`.
        """
        rows = keras.tree.map_structure(lambda a: a[numbers], self.rows)
        return batch.attach(images, teacher=rows)


def numbered(data):
    """A data set with numbers in place of its training images."""
    numbers = np.arange(len(data.train_labels))
    return dataclasses.replace(data, train_images=numbers)


def read(cached, images):
    """Reads all rows, and validates that the images are the cached ones.

    Args:
        cached: A `CachedTeacher`.
        images: All training images of the data.

    Returns:
        Arrays by name, one row for each image.

    Raises:
        UnusableError: If the cache is that of other images.
    """
    check_size(len(images), cached.bytes_per_example, cached.directory)
    found = []
    try:
        for x in cached.attach(images).batch(READ).as_numpy_iterator():
            found.append(batch.split(x)[1]["teacher"])
    except Exception as error:  # TensorFlow's have no common class but this.
        texts = attach.ORDER, attach.LENGTH
        is_other = any(text in str(error) for text in texts)
        if not is_other and not isinstance(error, ValueError):
            raise
        reason = "" if is_other else f" ({error})"
        raise UnusableError(
            "`--cache` must be a cache of this data set, since each answer "
            f"belongs to one image. Received: --cache={cached.directory}, "
            f"which was written for other images{reason}. Choose an empty "
            "folder: the cache is then written there."
        ) from error
    return keras.tree.map_structure(lambda *rows: np.concatenate(rows), *found)


def check_taps(cached, losses, bench):
    """Validates that a cache holds every layer of the losses."""
    missing = [tap for tap in taps_of(losses) if tap not in cached.taps]
    if missing:
        raise UnusableError(
            "`--cache` must hold every layer of the teacher that "
            f"{bench.method_flag} looks at, since the teacher does not run. "
            f"Received: --cache={bench.settings.cache} without "
            f"{', '.join(missing)}. Choose an empty folder: the cache is then "
            "written there with all that is needed."
        )


def check_room(teacher, losses, settings, count):
    """Validates that a cache to be written will fit in memory.

    Args:
        teacher: A built model.
        losses: Distillation losses.
        settings: A `Settings`.
        count: Number of images.
    """
    taps = taps_of(losses)
    tapped = tapped_model.TappedModel(teacher, [None, *taps], "teacher")
    tensors = keras.tree.flatten(tapped.symbolic()[1])
    # As float16, which is the default.
    size = sum(2 * int(np.prod(t.shape[1:])) for t in tensors)
    check_size(count, size, settings.cache)


def check_size(count, size, path):
    """Validates that stored answers fit in memory."""
    if count * size > MAX_BYTES:
        raise UnusableError(
            f"`--cache` must fit in {MAX_BYTES / 2**30:.0f} GiB, since it is "
            f"read into memory. Received: {count:,} images with {size:,} bytes "
            f"each, for --cache={path}. Leave --cache away, or choose a "
            "--method that compares only the outputs."
        )


def taps_of(losses):
    """Lists the layers of the teacher that losses compare."""
    taps = places.used(losses, "teacher_tap")
    return [tap for tap in taps if tap is not None]


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
            UnusableError: If the cache is that of a teacher that was given, or
                the teacher here is damaged.
        """
        try:
            path = state.finished_model(self.path, TEACHER)
        except ValueError as error:
            raise self.unusable(error) from error
        if path is None and (pathlib.Path(self.path) / PLAN).exists():
            raise UnusableError(
                "`--teacher` must be given, since the cache holds the answers "
                f"of a saved model. Received: --{self.flag}={self.path} "
                f"without --teacher, and no {state.FOLDER}/{TEACHER}.npz. Name "
                "the same model again, or choose another folder."
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
        with locks.locked(pathlib.Path(self.path), print):
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

    def remove(self):
        """Deletes the folder, if it holds nothing but a cache."""
        own_files.remove_folder(self.path, OURS)

    def unusable(self, error):
        """Wraps an error of the library in an `UnusableError`."""
        return UnusableError(
            f"The cache in --{self.flag}={self.path} cannot be used. {error}"
        )
