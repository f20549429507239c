"""Batches in a seeded order, equal in a resumed run."""

import keras
import numpy as np


def rows_of(data, places, is_dense=False):
    """Some examples.

    Args:
        data: A structure of arrays or of sparse matrices of scipy, one row per
            example.
        places: Numbers of the examples, or a slice.
        is_dense: Whether sparse matrices become arrays.
    """

    def rows(array):
        # Not every sparse format has rows.
        array = array.tocsr() if hasattr(array, "tocsr") else array
        part = array[places]
        return part.toarray() if is_dense and hasattr(part, "tocsr") else part

    return keras.tree.map_structure(rows, data)


class SeededBatches(keras.utils.PyDataset):
    """Yields all examples in one order, then in another, and so on.

    The order depends on the seed and the number of earlier batches alone, so
    resumed training gets the same batches as training without interruption.
    Pass `shuffle=False` to `fit`, and `callback` among its callbacks.

    Args:
        x: Structure of arrays, one row per example. Sparse matrices become
            arrays batch by batch.
        y: Structure of arrays, or `None`.
        batch_size: Examples in a batch. The last of a pass may be smaller.
        seed: Sequence of integers.
        steps: Batches in an epoch. `None`, the default, makes an epoch a pass
            through all examples.
    """

    def __init__(self, x, y, batch_size, seed, steps=None):
        super().__init__()
        self.data = (x,) if y is None else (x, y)
        self.count = keras.tree.flatten(self.data)[0].shape[0]
        self.batch_size = batch_size
        self.seed = tuple(seed)
        self.pass_length = -(-self.count // batch_size)
        self.steps = steps or self.pass_length
        self.epoch = 0
        self._orders = {}
        self.callback = keras.callbacks.LambdaCallback(
            on_epoch_begin=self.begin_epoch
        )

    def begin_epoch(self, epoch, logs=None):
        """Selects the batches of an epoch; a callback at its beginning."""
        self.epoch = epoch
        self._orders = {}

    def _order(self, index):
        """The order of all examples in a pass."""
        if index not in self._orders:
            random = np.random.default_rng((*self.seed, index))
            self._orders[index] = random.permutation(self.count)
        return self._orders[index]

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        done, place = divmod(self.epoch * self.steps + index, self.pass_length)
        part = slice(place * self.batch_size, (place + 1) * self.batch_size)
        rows = self._order(done)[part]
        return rows_of(self.data, rows, is_dense=True)
