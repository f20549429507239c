"""Batches in an order that an interruption does not change."""

import keras
import numpy as np


class SeededBatches(keras.utils.PyDataset):
    """Gives all examples once an epoch, in another order each time.

    The order depends on the seed and the number of the epoch alone, so that
    training which was interrupted goes on with the batches that it would have
    had. Pass `shuffle=False` to `fit`, and `callback` among its callbacks.

    Args:
        x: Structure of arrays, one row per example.
        y: Structure of arrays.
        batch_size: Examples in a batch. The last of an epoch may be smaller.
        seed: Sequence of integers.
    """

    def __init__(self, x, y, batch_size, seed):
        super().__init__()
        self.data = (x, y)
        self.count = len(keras.tree.flatten(y)[0])
        self.batch_size = batch_size
        self.seed = tuple(seed)
        self.begin_epoch(0)
        self.callback = keras.callbacks.LambdaCallback(
            on_epoch_begin=self.begin_epoch
        )

    def begin_epoch(self, epoch, logs=None):
        """Draws the order of an epoch, as a callback."""
        random = np.random.default_rng((*self.seed, epoch))
        self._order = random.permutation(self.count)

    def __len__(self):
        return -(-self.count // self.batch_size)

    def __getitem__(self, index):
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        rows = self._order[part]
        return keras.tree.map_structure(lambda a: a[rows], self.data)
