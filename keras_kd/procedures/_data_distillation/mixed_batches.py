"""Batches that hold both kinds of examples."""

import keras
import numpy as np


class MixedBatches(keras.utils.PyDataset):
    """Puts labelled and generated examples together in a fixed proportion.

    Each kind is gone through by itself, in another order each time. What is
    drawn depends on the seed and the number of batches before alone. Pass
    `shuffle=False` to `fit`, and `callback` among its callbacks.

    Args:
        labelled: `(x, y)` of arrays.
        generated: The same of the other kind.
        batch_size: Examples in a batch, at least 2.
        share: Part of a batch that is labelled, in (0, 1); at least one example
            of each kind is in it.
        steps: Batches in an epoch.
        seed: Integer.
    """

    def __init__(self, labelled, generated, batch_size, share, steps, seed):
        super().__init__()
        count = min(max(1, round(share * batch_size)), batch_size - 1)
        self.parts = [
            _Endless(labelled, count, seed, 0),
            _Endless(generated, batch_size - count, seed, 1),
        ]
        self.steps = steps
        self.epoch = 0
        self.callback = keras.callbacks.LambdaCallback(
            on_epoch_begin=self.begin_epoch
        )

    def begin_epoch(self, epoch, logs=None):
        """Selects the batches of an epoch; a callback at its beginning."""
        self.epoch = epoch

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        number = self.epoch * self.steps + index
        return keras.tree.map_structure(
            lambda *arrays: np.concatenate(arrays),
            *(part.batch(number) for part in self.parts),
        )


class _Endless:
    """Batches of one size from one set of examples, pass after pass."""

    def __init__(self, data, size, seed, kind):
        self.data = data
        self.count = len(data[0])
        self.size = size
        self.seed = (seed, kind)
        self._orders = {}

    def batch(self, number):
        places = np.arange(number * self.size, (number + 1) * self.size)
        rows = [self._row(*divmod(int(p), self.count)) for p in places]
        return keras.tree.map_structure(lambda a: a[rows], self.data)

    def _row(self, index, place):
        if index not in self._orders:
            random = np.random.default_rng((*self.seed, index))
            # Two passes at the most meet in a batch of a large set.
            self._orders = {
                old: order
                for old, order in self._orders.items()
                if old >= index - 1
            }
            self._orders[index] = random.permutation(self.count)
        return self._orders[index][place]
