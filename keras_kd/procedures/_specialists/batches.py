"""Batches of which one half is of a specialist's own classes."""

import keras
import numpy as np


class HalfSpecial(keras.utils.PyDataset):
    """Gives batches that are half special, half at random from the rest.

    An epoch goes through the special examples once, in another order each time,
    and takes as many of the rest. The order depends on the seed and the number
    of the epoch alone, so resumed training gets the same batches as training
    without interruption. Pass `shuffle=False` to `fit`.

    Reference: [Hinton et al., 2015](https://arxiv.org/abs/1503.02531),
    section 5.2.

    Args:
        x: Structure of arrays, one row per example.
        y: Structure of arrays.
        is_special: Booleans, `(examples,)`, some true and some false.
        batch_size: Even number of examples in a batch. The last of an epoch
            may be smaller.
        seed: Sequence of integers.
    """

    def __init__(self, x, y, is_special, batch_size, seed):
        super().__init__()
        self.x = x
        self.y = y
        self.special = np.flatnonzero(is_special)
        self.rest = np.flatnonzero(np.logical_not(is_special))
        self.half = batch_size // 2
        self.seed = tuple(seed)
        self.begin_epoch(0)

    def begin_epoch(self, epoch, logs=None):
        """Draws the examples of an epoch, as a callback."""
        random = np.random.default_rng((*self.seed, epoch))
        self._special_order = random.permutation(self.special)
        count = len(self.special)
        repeats = -(-count // len(self.rest))
        self._rest_order = np.concatenate(
            [random.permutation(self.rest) for _ in range(repeats)]
        )[:count]

    def __len__(self):
        return -(-len(self.special) // self.half)

    def __getitem__(self, index):
        part = slice(index * self.half, (index + 1) * self.half)
        rows = np.concatenate(
            [self._special_order[part], self._rest_order[part]]
        )
        return keras.tree.map_structure(lambda a: a[rows], (self.x, self.y))


def balanced_weights(is_special):
    """Weights that let special examples and the rest count as one half each.

    Args:
        is_special: Booleans, `(examples,)`, some true and some false.

    Returns:
        float32 `(examples,)`, with mean 1.
    """
    share = np.mean(is_special)
    return np.where(is_special, 0.5 / share, 0.5 / (1 - share)).astype(
        "float32"
    )
