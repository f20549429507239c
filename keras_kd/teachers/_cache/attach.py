"""Reads a cache beside its data set."""

import numpy as np
import tensorflow as tf

from keras_kd import batch
from keras_kd.teachers._cache import elements
from keras_kd.teachers._cache import shards
from keras_kd.teachers._cache.layout import HASH
from keras_kd.teachers._cache.layout import SEED
from keras_kd.teachers.augmentation import Augmentation

ORDER = (
    "The data must have the examples of the cache in the same order, since "
    "each row is stored for one of them. Received: another example where the "
    "cache has its own. Shuffle after `attach`, not before, and prepare the "
    "examples as for `cache_teacher`."
)
LENGTH = (
    "The data must have as many examples as the cache, since each row is "
    "stored for one of them. Received: another number of examples. Give "
    "`attach` the data set that was cached, and take a part of it afterwards."
)


class Reader:
    """Puts the rows of a cache beside the examples of a data set.

    Args:
        files: Paths of the shards as text, a list for each view.
        arrays: Shape and dtype of a row of each array.
        block: Number of examples in a record.
        num_examples: Number of examples in a view.
        key: Name under which the rows travel.
    """

    def __init__(self, files, arrays, block, num_examples, key):
        self.files = files
        self.arrays = arrays
        self.block = block
        self.num_examples = num_examples
        self.key = key

    def attach(self, data, views, augmentation):
        """Returns the elements of `data`, with rows.

        Args:
            data: `tf.data.Dataset` of single examples.
            views: Numbers of the views to read, one after the other.
            augmentation: A function, or `None`.
        """
        if len(views) == 1:
            rows = self._view(data, tf.constant(self.files[views[0]]))
        else:
            files = tf.constant([self.files[view] for view in views])
            rows = tf.data.Dataset.from_tensor_slices(files).flat_map(
                lambda files: self._view(data, files)
            )
        # Progress bars want to know it, and one more check costs nothing.
        count = self.num_examples * len(views)
        rows = rows.apply(tf.data.experimental.assert_cardinality(count))
        if augmentation is not None:
            rows = rows.map(
                lambda *element: self._augment(element, augmentation),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
        return _by_example(rows)

    def attach_arrays(self, data):
        """The same for arrays that are not augmented, at lower cost.

        All examples are compared at once, not one by one.

        Args:
            data: Arrays `x`, `(x, y)` or `(x, y, sample_weight)`.

        Raises:
            ValueError: If they are others than those of the cache.
        """
        (files,) = self.files
        x, *others = elements.parts_of(elements.as_tuples(data))
        x, reserved = batch.split(x)
        self._check_arrays(x, files)
        rows = tf.data.TFRecordDataset(files).map(self._rows_alone).unbatch()
        count = tf.data.experimental.assert_cardinality(self.num_examples)
        rows = rows.apply(count)
        slices = tf.data.Dataset.from_tensor_slices
        reserved = {name: slices(value) for name, value in reserved.items()}
        x = batch.attach(slices(x), **reserved, teacher={self.key: rows})
        elements_of = (x, *map(slices, others)) if others else x
        return _by_example(tf.data.Dataset.zip(elements_of))

    def _rows_alone(self, record):
        rows = shards.from_record(record, self.arrays)
        return {name: rows[name] for name in rows if name != HASH}

    def _check_arrays(self, x, files):
        start = 0
        for record in tf.data.TFRecordDataset(files):
            stored = shards.from_record(record, self.arrays)[HASH]
            end = start + len(stored)
            block = tf.nest.map_structure(lambda a, s=start, e=end: a[s:e], x)
            block = tf.nest.map_structure(tf.convert_to_tensor, block)
            if not np.array_equal(elements.hashes(block), stored):
                raise ValueError(ORDER)
            start = end

    def _view(self, data, files):
        """The data once, with the rows of one view."""
        records = tf.data.TFRecordDataset(files)
        if elements.is_static(data):
            end = tf.data.Dataset.from_tensors(shards.empty_record(self.arrays))
            examples = _with_end(data.batch(self.block))
            pairs = tf.data.Dataset.zip((examples, records.concatenate(end)))
            # One function for all of it: each has a cost of its own.
            return pairs.map(
                lambda element, record: self._join(
                    element, shards.from_record(record, self.arrays)
                )
            ).unbatch()
        # Examples of different shapes do not fit into blocks.
        rows = records.map(
            lambda record: shards.from_record(record, self.arrays)
        )
        rows = _with_end(rows.unbatch().batch(1))
        pairs = tf.data.Dataset.zip((data.batch(1), rows))
        return pairs.map(self._join).unbatch()

    def _join(self, element, rows):
        found = elements.hashes(elements.input_of(element))
        stored = rows.pop(HASH)
        same_length = tf.equal(tf.size(found), tf.size(stored))
        # One operation each: the functions of `tf.debugging` make a branch.
        with tf.control_dependencies([_assert(same_length, LENGTH)]):
            same = tf.reduce_all(tf.equal(found, stored))
        with tf.control_dependencies([_assert(same, ORDER)]):
            rows = {name: tf.identity(array) for name, array in rows.items()}
        return elements.with_teacher(element, {self.key: rows})

    def _augment(self, element, augmentation):
        x = elements.input_of(element)
        rows = elements.rows_of(element)[self.key]
        seed = rows.pop(SEED)
        element = elements.with_teacher(element, {self.key: rows})
        others = elements.others_of(element)
        if not (others and isinstance(augmentation, Augmentation)):
            return elements.with_input(element, augmentation(x, seed))
        x, *moved = augmentation(x, seed, *others)
        # Sample weights of `None` are no part of a result.
        return elements.with_input(
            (element[0], *moved, *others[len(moved) :]), x
        )


def _by_example(data):
    """Shards data by example, so that rows stay with their examples."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return data.with_options(options)


def _with_end(blocks):
    """Appends an empty block, so unequal lengths raise."""
    end = tf.nest.map_structure(
        lambda spec: tf.zeros((0, *spec.shape[1:]), spec.dtype),
        blocks.element_spec,
    )
    return blocks.concatenate(tf.data.Dataset.from_tensors(end))


def _assert(condition, message):
    return tf.raw_ops.Assert(condition=condition, data=[message], summarize=1)
