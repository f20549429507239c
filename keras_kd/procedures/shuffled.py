"""Examples in another order in each epoch, the same after an interruption."""

import keras
import numpy as np


class Shuffled(keras.utils.PyDataset):
    """Gives batches of arrays in an order that the epoch's number decides.

    Training that was interrupted thus goes on with the batches that it would
    have had. Pass `shuffle=False` to `fit`, and `begin_epoch` as a callback.

    Args:
        arrays: Tuple of arrays, one row per example.
        batch_size: Number of examples in a batch; the last may have fewer.
        seed: Integer.
    """

    def __init__(self, arrays, batch_size, seed):
        super().__init__()
        self.arrays = arrays
        self.batch_size = batch_size
        self.seed = seed
        self.begin_epoch(0)

    def begin_epoch(self, epoch, logs=None):
        """Draws the order of an epoch."""
        random = np.random.default_rng((self.seed, epoch))
        self._order = random.permutation(len(self.arrays[0]))

    def __len__(self):
        return -(-len(self._order) // self.batch_size)

    def __getitem__(self, index):
        start = index * self.batch_size
        rows = self._order[start : start + self.batch_size]
        return tuple(array[rows] for array in self.arrays)
