"""Shards: files of TFRecords, each with a block of examples.

A record is a `tf.train.Example` with one feature for each array of the block,
which holds the bytes of all its rows. Reading then costs little for an
example, and every record has a checksum of its own.
"""

import os
import re

import numpy as np
import tensorflow as tf

from keras_kd._core import files
from keras_kd._core import locks
from keras_kd._core import own_files
from keras_kd.teachers._cache import records

_NAME = re.compile(r"view-(\d{4,})-shard-(\d{5,})-([0-9a-f]{16})\.tfrecord")
_UNFINISHED = re.compile(r"view-\d{4,}-shard-\d{5,}\.part-\d+")
# What a folder of a cache holds and nobody else has written: `own_files`.
OURS = {
    r"(plan|manifest)\.json": own_files.begins('{"content":'),
    own_files.LOCK: locks.is_ours,
    _NAME.pattern: own_files.anything,
    _UNFINISHED.pattern: own_files.anything,
}


class ShardWriter:
    """Writes one shard, and moves it to its place when complete.

    Args:
        directory: A `pathlib.Path`.
        view: Number of the view.
        index: Number of the shard in the view.
        block: Number of examples in a record.
    """

    def __init__(self, directory, view, index, block):
        self.directory = directory
        self.stem = f"view-{view:04d}-shard-{index:05d}"
        self.block = block
        self.path = directory / f"{self.stem}.part-{os.getpid()}"
        own_files.check_file(self.path)
        self.file = tf.io.TFRecordWriter(str(self.path))
        self.waiting = []

    def write(self, arrays):
        """Adds rows.

        Args:
            arrays: Dict of arrays with one row for each example.
        """
        self.waiting.append(arrays)
        while sum(_count(arrays) for arrays in self.waiting) >= self.block:
            self._write_block(self.block)

    def _write_block(self, count):
        rows = {
            name: np.concatenate([arrays[name] for arrays in self.waiting])
            for name in self.waiting[0]
        }
        self.file.write(_to_record({n: a[:count] for n, a in rows.items()}))
        rest = {name: array[count:] for name, array in rows.items()}
        self.waiting = [rest] if _count(rest) else []

    def close(self):
        """Moves the shard into place.

        Returns:
            Its name.
        """
        if self.waiting:
            self._write_block(self.block)
        self.file.close()
        with open(self.path, "rb") as file:
            os.fsync(file.fileno())
        name = f"{self.stem}-{files.digest(self.path)[:16]}.tfrecord"
        records.move(self.path, self.directory / name)
        return name


def _count(arrays):
    return len(next(iter(arrays.values())))


def _to_record(arrays):
    def feature(array):
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        value = np.ascontiguousarray(little).tobytes()
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {name: feature(array) for name, array in arrays.items()}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # Equal rows give equal bytes, in every process.
    return example.SerializeToString(deterministic=True)


def empty_record(arrays):
    """A record without rows."""
    return _to_record(
        {
            name: np.zeros((0, *shape), dtype)
            for name, (shape, dtype) in arrays.items()
        }
    )


def from_record(record, arrays):
    """Reads a block, in the graph.

    Args:
        record: A string tensor.
        arrays: Dict from the name of each array to `(shape, dtype)` of a row.

    Returns:
        Dict of tensors with one row for each example.
    """
    parsed = tf.io.parse_single_example(
        record, {name: tf.io.FixedLenFeature((), tf.string) for name in arrays}
    )
    return {
        name: tf.reshape(tf.io.decode_raw(parsed[name], dtype), (-1, *shape))
        for name, (shape, dtype) in arrays.items()
    }


def find(directory):
    """Names of all shards in a folder, by view and number."""
    found = {}
    for path in directory.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            found[int(match[1]), int(match[2])] = path.name
    return found


def check(directory, name, size=None):
    """Validates that a shard is as it was written.

    Args:
        directory: A `pathlib.Path`.
        name: Name of the shard.
        size: Its size in bytes, if nothing else is to be looked at.
    """
    path = directory / name
    if not path.is_file():
        problem = "no such file"
    elif size is not None and path.stat().st_size != size:
        problem = f"{path.stat().st_size} bytes instead of {size}"
    elif size is None and files.digest(path)[:16] != _NAME.fullmatch(name)[3]:
        problem = "other bytes than its checksum tells"
    else:
        return
    raise ValueError(
        f"The shard {name!r} must be as it was written, since the student "
        f"would learn from what it holds. Received: {problem}, in "
        f"{str(directory)!r}. Delete it, and call `cache_teacher` or "
        "`cache_answers` as before: it writes this shard again."
    )


def clear_unfinished(directory):
    """Removes unfinished files of stopped writers."""
    for path in directory.iterdir():
        if _UNFINISHED.fullmatch(path.name):
            own_files.check_file(path)
            path.unlink()
