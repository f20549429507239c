"""Activation records of a teacher's training data."""

import dataclasses
import json
import os

import keras
import numpy as np

from keras_kd._core import array_files
from keras_kd._core.arguments import check_count
from keras_kd._core.identity import fingerprint
from keras_kd._core.kinds import check_model
from keras_kd.transfer_sets._activations import contents
from keras_kd.transfer_sets._activations import spectra
from keras_kd.transfer_sets._activations import statistics

_FORMAT = 1
_FAMILIES = {
    contents.TopLayer: statistics,
    contents.AllLayers: statistics,
    contents.SpectralAllLayers: spectra,
    contents.SpectralLayerPairs: spectra,
}


@dataclasses.dataclass(frozen=True, eq=False)
class ActivationRecords:
    """Records of a teacher's activations on its training data.

    Made by `activation_records`, or read from a file by `load_records`.

    Attributes:
        content: What is recorded, such as `TopLayer()`.
        teacher: Fingerprint of the teacher's weights, hexadecimal.
        num_classes: Number of classes.
        layers: Paths of the hidden layers that have statistics.
        arrays: The numbers, by name.
    """

    content: contents.TopLayer | contents.AllLayers | contents.SpectralAllLayers
    teacher: str
    num_classes: int
    layers: tuple[str, ...]
    arrays: dict[str, np.ndarray]

    @property
    def num_bytes(self) -> int:
        """Bytes of the numbers; the file is compressed, and smaller."""
        return sum(array.nbytes for array in self.arrays.values())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a file that `load_records` reads.

        Args:
            path: Where to, best with the suffix `.npz`.
        """
        array_files.write(path, self._header(), self.arrays)

    def _header(self):
        return {
            "format": _FORMAT,
            "content": contents.to_json(self.content),
            "teacher": self.teacher,
            "num_classes": self.num_classes,
            "layers": list(self.layers),
        }

    def digest(self) -> str:
        """Hexadecimal digest of all that is recorded."""
        return array_files.digest(self._header(), self.arrays)

    def sample(
        self, label: int, count: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Draws activations of a class, as `reconstruct` does.

        Args:
            label: A class.
            count: How many to draw.
            seed: Integer. Defaults to `0`.

        Returns:
            Dict from the path of each layer, `"logits"` for the last, to a
            float32 array `(count, units)`; logits are divided by the
            temperature.

        Raises:
            ValueError: If there is no such class, or the record holds examples
                and no distribution.
        """
        if family(self.content) is not statistics:
            raise ValueError(
                "`content` must be `TopLayer` or `AllLayers`, since only these "
                "describe a distribution to draw from. Received: "
                f"content={self.content}."
            )
        check_count("count", count, "rows to draw")
        check_count("seed", seed, "one sequence of numbers", 0)
        is_integer = isinstance(label, int | np.integer)
        is_integer &= not isinstance(label, bool)
        if not (is_integer and 0 <= label < self.num_classes):
            raise ValueError(
                f"`label` must be a class from 0 to {self.num_classes - 1}. "
                f"Received: label={label!r}."
            )
        random = np.random.default_rng(seed)
        drawn = statistics.sample(self.arrays, label, count, random)
        return dict(zip((*self.layers, "logits"), drawn, strict=True))

    def check_teacher(self, teacher: keras.Model) -> None:
        """Validates that a teacher is the recorded one.

        Args:
            teacher: A built `keras.Model`.
        """
        found = fingerprint(teacher).hex()
        if found != self.teacher:
            raise ValueError(
                "`teacher` must have the weights that it had when its "
                "activations were recorded, since inputs are made to give "
                f'those. Received: teacher="{teacher.name}" with the '
                f"fingerprint {found}, and records of {self.teacher}. Load the "
                "weights that belong to the records."
            )


def family(content):
    """Returns the module that handles a content.

    Args:
        content: What to record, such as `TopLayer()`.
    """
    if type(content) not in _FAMILIES:
        names = ", ".join(one.__name__ for one in contents.ALL)
        raise TypeError(
            f"`content` must be one of {names} of `keras_kd.transfer_sets`. "
            f"Received: content={content!r} of type {type(content).__name__}."
        )
    return _FAMILIES[type(content)]


def load_records(
    path: str | os.PathLike[str], teacher: keras.Model
) -> ActivationRecords:
    """Reads records that belong to a teacher.

    Args:
        path: A file that `ActivationRecords.save` wrote.
        teacher: The teacher, a built `keras.Model`.

    Returns:
        `ActivationRecords`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or holds no records, or records of
            another teacher.
    """
    check_model("teacher", teacher)
    header, arrays = array_files.read(path)
    if header.get("format") != _FORMAT:
        raise ValueError(
            f"`path` must be a file of activation records of format {_FORMAT}. "
            f"Received: path={str(path)!r} with {json.dumps(header)[:80]}."
        )
    records = ActivationRecords(
        content=contents.from_json(header["content"]),
        teacher=header["teacher"],
        num_classes=header["num_classes"],
        layers=tuple(header["layers"]),
        arrays=arrays,
    )
    records.check_teacher(teacher)
    return records
