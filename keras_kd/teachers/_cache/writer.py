"""Writes a cache, or the missing rest of it."""

import hashlib

import keras
import numpy as np
import tensorflow as tf

from keras_kd._core import files
from keras_kd.teachers._cache import elements
from keras_kd.teachers._cache import records
from keras_kd.teachers._cache import shards
from keras_kd.teachers._cache.layout import HASH
from keras_kd.teachers._cache.layout import SEED
from keras_kd.teachers._cache.layout import stored_arrays
from keras_kd.teachers._cache.records import MANIFEST


class Writer:
    """Runs the teacher over a data set and stores its outputs.

    A shard that is in place is not written again: the examples that belong to
    it are only compared with those that it was written for, and the teacher is
    asked about the first of them.

    Args:
        directory: A `pathlib.Path`.
        plan: The content of the plan.
        data: `tf.data.Dataset` of single examples.
        augmentation: A function, or `None`.
        forward: A forward pass of the teacher, or its given answers.
    """

    def __init__(self, directory, plan, data, augmentation, forward):
        self.directory = directory
        self.plan = plan
        self.data = data
        self.augmentation = augmentation
        self.forward = forward
        self.found = shards.find(directory)
        self.arrays = stored_arrays(forward.layout, augmentation)

    def write(self, report):
        """Writes all shards that are missing, then the manifest.

        Args:
            report: Called with the number of examples in each batch.
        """
        total = hash_of_all = None
        listed = []
        for view in range(self.plan["views"]):
            with elements.batching(self.data):
                made, count, hash_of_view = self._write_view(view, report)
            if total not in (None, count) or hash_of_all not in (
                None,
                hash_of_view,
            ):
                raise _other_data(self.directory, f"view {view}")
            total, hash_of_all = count, hash_of_view
            listed += made
        manifest = {
            "examples": total,
            "examples_hash": hash_of_all,
            "plan": files.digest_of(self.plan),
            "shards": [
                [name, (self.directory / name).stat().st_size]
                for name in listed
            ],
        }
        records.write(self.directory / MANIFEST, manifest)

    def _write_view(self, view, report):
        """Returns names of the shards, number of examples, and a hash."""
        names, count, digest = [], 0, hashlib.sha256()
        batches = iter(
            batches_of(
                self.data,
                self.augmentation,
                self.plan["batch_size"],
                elements.view_seed(self.plan["seed"], view),
            )
        )
        while True:
            index = len(names)
            name, hashes = self._shard(batches, view, index, report)
            if not len(hashes):
                break
            names.append(name)
            count += len(hashes)
            digest.update(hashes.astype("<i8").tobytes())
        return names, count, digest.hexdigest()

    def _shard(self, batches, view, index, report):
        """Writes one shard, or compares a finished one with the data."""
        name = self.found.get((view, index))
        if name is not None:
            shards.check(self.directory, name)
        limit = self.plan["examples_per_shard"] // self.plan["batch_size"]
        start = index * self.plan["examples_per_shard"]
        writer, hashes = None, []
        for _, rows in zip(range(limit), batches, strict=False):
            hashes.append(rows[HASH].numpy())
            if name is None:
                writer = writer or shards.ShardWriter(
                    self.directory, view, index, self.plan["block"]
                )
                writer.write(self._rows(rows, start))
            elif len(hashes) == 1:
                self._compare(name, rows, start)
            start += len(hashes[-1])
            report(len(hashes[-1]))
        hashes = np.concatenate(hashes) if hashes else np.zeros(0, "int64")
        if name is not None:
            if not np.array_equal(hashes, self._stored_hashes(name)):
                raise _other_data(self.directory, f"the shard {name!r}")
        elif writer is not None:
            name = writer.close()
        return name, hashes

    def _rows(self, batch, start):
        """Rows to store for a batch, whose first example has a number."""
        arrays = self.forward(batch["x"], start)
        for name, array in arrays.items():
            self._check_length(name, array.shape[1:])
            # A logit of -inf rules its class out; no comparison with nan holds.
            is_logit = name.startswith("output")
            lowest = -np.inf if is_logit else np.nextafter(-np.inf, 0)
            if array.dtype.kind == "f" and not np.all(
                (array >= lowest) & (array < np.inf)
            ):
                raise ValueError(
                    f"`{self.forward.argument}` must give finite numbers "
                    "within the range of `dtype`, since nan would spread to "
                    "the student. Received: nan or infinity in "
                    f"{name} as {array.dtype}. If the numbers are large, use "
                    'dtype="float32".'
                )
        others = {n: batch[n].numpy() for n in self.arrays if n in batch}
        return arrays | others

    def _check_length(self, name, shape):
        """Validates that an answer is as long as those before."""
        wanted, _ = self.arrays[name]
        if tuple(shape) != tuple(wanted):
            raise ValueError(
                "`dataset` must have examples of one length, since answers of "
                f"that length are stored in blocks. Received: {name} of shape "
                f"{tuple(shape)}, after one of {tuple(wanted)}. Pad all "
                "examples to one length."
            )

    def check_teacher(self):
        """Validates that the teacher's outputs equal the first stored ones."""
        name = self.found.get((0, 0))
        if name is None:
            return
        shards.check(self.directory, name)
        seed = elements.view_seed(self.plan["seed"], 0)
        size = self.plan["batch_size"]
        batches = batches_of(self.data, self.augmentation, size, seed)
        for batch in batches.take(1):
            self._compare(name, batch, 0)

    def _compare(self, name, batch, start):
        """Validates that the teacher gives what a shard begins with."""
        stored = next(self._blocks(name))
        count = min(len(batch[HASH]), len(stored[HASH]))
        rows = {n: a[:count] for n, a in self._rows(batch, start).items()}
        if not np.array_equal(rows[HASH], stored[HASH][:count]):
            part = f"the beginning of the shard {name!r}"
            raise _other_data(self.directory, part)
        for array, values in rows.items():
            if values.dtype.kind == "f":
                _check_near(values, stored[array][:count], array, name)

    def _stored_hashes(self, name):
        return np.concatenate([block[HASH] for block in self._blocks(name)])

    def _blocks(self, name):
        records_of_shard = tf.data.TFRecordDataset(str(self.directory / name))
        for record in records_of_shard:
            block = shards.from_record(record, self.arrays)
            yield {name: array.numpy() for name, array in block.items()}


def batches_of(data, augmentation, batch_size, seed):
    """Makes the teacher's batches of one view.

    Args:
        data: `tf.data.Dataset` of single examples.
        augmentation: A function, or `None`.
        batch_size: Number of examples in a batch.
        seed: The view's part of the seeds.

    Returns:
        `tf.data.Dataset` of dicts: the batch `x`, and for each example its
        hash and, if there is an augmentation, its seed.
    """
    inputs = elements.inputs(data)
    if augmentation is None and elements.is_static(inputs):
        batches = inputs.batch(batch_size).map(
            lambda row: row | {HASH: elements.hashes(row["x"])}
        )
        return batches.prefetch(1)

    def prepare(number, row):
        x = row["x"]
        row = {"x": x, HASH: elements.hashes(_one_row(x))[0]}
        if augmentation is not None:
            both = tf.stack([seed, tf.cast(number, tf.int32)])
            row |= {"x": augmentation(x, both), SEED: both}
        return row

    prepared = inputs.enumerate().map(
        prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    return prepared.batch(batch_size).prefetch(1)


def first_batch(data, augmentation, batch_size, seed):
    """Returns the teacher's first batch, after checks of the data.

    Args:
        data: `tf.data.Dataset` of single examples.
        augmentation: A function, or `None`.
        batch_size: Number of examples in a batch.
        seed: See `cache_teacher`.

    Raises:
        ValueError: If there is no example, or the augmentation gives other
            pixels when it runs again.
    """
    first = elements.view_seed(seed, 0)
    one = batches_of(data, augmentation, batch_size, first).take(1)
    with elements.batching(data):
        found = [batch["x"] for batch in one]
    if not found:
        raise ValueError(
            "`dataset` must have at least one example, since the teacher is "
            "asked about each. Received: none."
        )
    if augmentation is not None:
        one = batches_of(data, _elsewhere(augmentation), batch_size, first)
        again = tf.nest.flatten([batch["x"] for batch in one.take(1)])
        pairs = zip(tf.nest.flatten(found), again, strict=True)
        if not all(np.array_equal(a, b) for a, b in pairs):
            raise ValueError(
                "`augmentation` must give the same `x` for the same seed, and "
                "`dataset` the same examples each time, since the student is "
                "to see what the teacher saw. Received: "
                f"augmentation={augmentation!r}, with other pixels the second "
                "time. Let all random numbers follow from the seed."
            )
    return found[0]


def _check_near(array, stored, name, shard):
    # Other machines round differently; another teacher is further away.
    largest = float(np.max(np.abs(stored.astype("float64")), initial=0))
    if not np.allclose(
        array.astype("float64"), stored, rtol=1e-2, atol=1e-2 * largest
    ):
        raise ValueError(
            "`teacher` and `augmentation` must be those that the cache was "
            "begun with, since a student would learn from two teachers. "
            f"Received: other values of {name} than at the beginning of the "
            f"shard {shard!r}, though the weights are the same. For another "
            "teacher, use another folder; if that shard comes from elsewhere, "
            "delete it."
        )


def _one_row(x):
    return keras.tree.map_structure(lambda leaf: tf.expand_dims(leaf, 0), x)


def _other_data(directory, part):
    return ValueError(
        "`dataset` must have the examples that the cache was begun with, in "
        "the same order, since each row is stored for one of them. Received: "
        f"other examples at {part}, in {str(directory)!r}. Shuffle after "
        "`attach`, not before; for another data set, use another folder."
    )


def _elsewhere(augmentation):
    """Wraps a function to run behind another random operation.

    With a global seed, the random operations of a graph are numbered, and each
    takes its seed from its number: in an equal graph, they repeat themselves.
    """

    def moved(x, seed):
        tf.random.uniform(())
        return augmentation(x, seed)

    return moved
