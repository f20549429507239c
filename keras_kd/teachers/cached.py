"""Cache of a teacher's outputs: the teacher runs once, not every epoch.

Files are TFRecords with a block of examples in each record. TensorFlow streams
them without Python, wherever `tf.data` and `tf.distribute` run, and checks a
CRC of every record while it reads. ArrayRecord would give random access, which
nothing here needs, since examples are shuffled after their rows are attached;
and its reader is Python code, which is slow for examples of a few bytes. Files
of NumPy have no checksums, and mapping them into memory does not work where
files are not local.
"""

import os
import pathlib
from collections.abc import Callable
from typing import Any
from typing import Self

import keras
import tensorflow as tf

from keras_kd._core import files
from keras_kd._core.arguments import check_count
from keras_kd._core.kinds import check_flag
from keras_kd._core.teacher_protocol import TeacherProtocol
from keras_kd._types import Data
from keras_kd._types import Entries
from keras_kd._types import Tensor
from keras_kd.teachers._cache import arguments
from keras_kd.teachers._cache import batched
from keras_kd.teachers._cache import elements
from keras_kd.teachers._cache import layout as layouts
from keras_kd.teachers._cache import positions
from keras_kd.teachers._cache import records
from keras_kd.teachers._cache import shards
from keras_kd.teachers._cache.attach import Reader
from keras_kd.teachers._cache.layout import stored_arrays


@keras.saving.register_keras_serializable("keras_kd")
class CachedTeacher(TeacherProtocol):
    """Teacher with stored outputs, for `Distiller(teacher=...)`.

    It has no weights and does not run: the data hold its outputs.

    ```
    train = cached.attach(train).shuffle(10_000).batch(128)
    distiller = keras_kd.Distiller(teacher=cached, student=student, ...)
    distiller.fit(train, validation_data=validation)
    ```

    Data that does not come from `attach`, such as that for validation, gives
    the supervised loss and the metrics of the student only.

    Args:
        directory: Folder that `cache_teacher` or `cache_answers` filled.
        augmentation: The function that `cache_teacher` was given. `None`, the
            default, is enough if there was none, or a `teachers.Augmentation`.
        verify: Whether to compare all files with their checksums. Otherwise
            their sizes are compared, and a CRC while they are read. Defaults
            to `True`.

    Attributes:
        num_examples: Number of examples.
        views: Number of stored views of each.
        taps: Names of the taps that are stored.
        tap_shapes: Dict from them to their shapes for one example.
        bytes_per_example: Bytes that are stored for one view of an example.

    Raises:
        ValueError: If the folder holds no finished cache, if a file of it is
            missing or damaged, or if `augmentation` is missing.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        augmentation: Callable[[Tensor, Tensor], Tensor] | None = None,
        verify: bool = True,
    ):
        if not isinstance(directory, str | os.PathLike):
            raise TypeError(
                "`directory` must be the path of a cache. Received: directory="
                f"{directory!r} of type {type(directory).__name__}."
            )
        check_flag("verify", verify, "whether files are compared")
        self.directory = pathlib.Path(directory)
        self.name = self.directory.name
        self._plan, self._manifest = records.read_finished(self.directory)
        for name, size in self._manifest["shards"]:
            shards.check(self.directory, name, size)
            if verify:
                shards.check(self.directory, name)
        _check_not_empty(self.directory, self._manifest["examples"])
        self.augmentation = arguments.find_augmentation(
            self._plan["augmentation"], augmentation
        )
        self.layout = layouts.from_json(self._plan["layout"])
        self.num_examples = self._manifest["examples"]
        self.views = self._plan["views"]
        self.taps = tuple(self.layout.taps)
        self.tap_shapes = {
            tap: tuple(self.layout.fields[field].shape)
            for tap, field in self.layout.taps.items()
        }
        # Rows of another cache are then no rows of this one.
        self._key = self.fingerprint().hex()[:16]
        self._arrays = stored_arrays(self.layout, self.augmentation)
        self.bytes_per_example = layouts.bytes_of(self._arrays)

    is_cache = True
    # For checks of models: a cache has nothing to change.
    weights = ()

    def check_inputs(self, inputs: Entries) -> None:
        """Validates that `teacher_inputs` are those of the cache.

        Args:
            inputs: `teacher_inputs` of a `Distiller`; `None` is always right.
        """
        seen = self._plan["teacher_inputs"]
        given = list(inputs) if isinstance(inputs, tuple) else inputs
        if inputs is not None and given != seen:
            raise ValueError(
                "`teacher_inputs` must be what the cached teacher saw, or "
                f"None. Received: teacher_inputs={inputs!r}, and a cache with "
                f"{seen!r}."
            )

    def fingerprint(self) -> bytes:
        """Returns 16 bytes, equal for caches of equal content."""
        return bytes.fromhex(files.digest_of(self._manifest)[:32])

    def attach(self, data: Data, view: int | None = None) -> tf.data.Dataset:
        """Puts the teacher's stored outputs beside each example.

        Shuffle, batch, repeat, take or shard afterwards, as you like.

        Args:
            data: The data set that was cached, with labels or without, in any
                form that `cache_teacher` takes, in the order of the cache.
            view: Number of one view. `None`, the default, goes through all
                views of the data, one after the other: so many times as many
                examples. For one view in each epoch, `repeat()` the result
                and give `fit` the `steps_per_epoch` of one view.

        Returns:
            `tf.data.Dataset` of the same elements, whose `x` is augmented as
            the teacher saw it, with a reserved entry for the Distiller beside
            it. While it is read, each example is compared with the one that
            the teacher saw; another order or length is an error.

        Raises:
            ValueError: If arrays, or the structure of a data set, are not
                those of the cache; if there is no such view; or if there are
                labels that no longer fit the images, as in `cache_teacher`.
        """
        arrays, data = data, elements.dataset(data, "data")
        positions.check(self.augmentation, data, "data")
        given = elements.spec(data)
        if not elements.specs_agree(given, self._plan["elements"]):
            raise ValueError(
                "`data` must have examples like those that were cached, since "
                f"each is compared with its own. Received: x of {given}; the "
                f"cache in {str(self.directory)!r} is for "
                f"{self._plan['elements']}. Prepare them as for "
                "`cache_teacher`, not batched."
            )
        count = int(data.cardinality())
        if count not in (self.num_examples, tf.data.UNKNOWN_CARDINALITY):
            raise ValueError(
                "`data` must have as many examples as the cache, since each "
                f"row is stored for one of them. Received: {count} examples, "
                f"and a cache of {self.num_examples} in "
                f"{str(self.directory)!r}. Attach to the data set that was "
                "cached, and take a part of it afterwards."
            )
        views = self._chosen(view)
        is_array = arrays is not data and not batched.is_batched(arrays)
        if is_array and self.augmentation is None:
            return self._reader().attach_arrays(arrays)
        return self._reader().attach(data, views, self.augmentation)

    def _chosen(self, view):
        if view is None:
            return range(self.views)
        check_count("view", view, "one of the stored views", 0)
        if view >= self.views:
            raise ValueError(
                f"`view` must be below {self.views}, since so many are stored. "
                f"Received: view={view!r}."
            )
        return [view]

    def _reader(self):
        names = [name for name, _ in self._manifest["shards"]]
        per_view = len(names) // self.views
        files = [
            [str(self.directory / name) for name in names[i : i + per_view]]
            for i in range(0, len(names), per_view)
        ]
        return Reader(
            files,
            self._arrays,
            self._plan["block"],
            self.num_examples,
            self._key,
        )

    def read(self, rows: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Decodes the teacher's outputs for a batch, in the graph.

        Args:
            rows: Dict of rows by cache, as `attach` reserved it.

        Returns:
            `(output, tensors)`: the teacher's output, and a dict of tensors
            by tap.

        Raises:
            ValueError: If the rows are those of another cache.
        """
        return self.layout.decode(self._own(rows))

    def read_top(self, rows: dict[str, Tensor]) -> Any:
        """Decodes what is stored of the highest logits, in the graph.

        Args:
            rows: See `read`.

        Returns:
            The structure of the teacher's output: of each tensor whose `top_k`
            are stored a dict, whose entries `DistillationLoss` describes, and
            `None` of others.
        """
        return self.layout.top(self._own(rows))

    def _own(self, rows):
        if self._key not in rows:
            raise ValueError(
                "The data must be attached to the cache that teaches, since "
                "another holds what another teacher said. Received: rows of "
                f"another cache than that in {str(self.directory)!r}. Use its "
                "own `attach`."
            )
        return rows[self._key]

    def get_config(self) -> dict[str, Any]:
        """Returns the folder and a fingerprint, and no data."""
        config = {
            "directory": str(self.directory.absolute()),
            "fingerprint": self.fingerprint().hex(),
        }
        if self.augmentation is not None:
            config["augmentation"] = keras.saving.serialize_keras_object(
                self.augmentation
            )
        return config

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: dict[str, Any] | None = None,
    ) -> Self:
        """Opens the cache again."""
        config = dict(config)
        fingerprint = config.pop("fingerprint")
        if "augmentation" in config:
            config["augmentation"] = keras.saving.deserialize_keras_object(
                config["augmentation"], custom_objects
            )
        cached = cls(**config)
        if cached.fingerprint().hex() != fingerprint:
            raise ValueError(
                "The cache must be the one that was trained with. Received: "
                f"another one in {config['directory']!r}. Move it away, and "
                "the old one back."
            )
        return cached


def _check_not_empty(directory, count):
    if count < 1:
        raise ValueError(
            "`directory` must hold a cache of at least one example, since a "
            f"student would learn from nothing. Received: {count} examples in "
            f"{str(directory)!r}. Delete the folder and cache the teacher "
            "again."
        )
