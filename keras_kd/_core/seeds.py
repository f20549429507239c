"""Random numbers of what runs on several replicas."""

import keras
from keras import ops

from keras_kd import backend


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator whose replicas draw different numbers.

    The state is the same on each of them, so that one value can be saved.
    """

    def next(self, ordered=True):
        seed = super().next(ordered)
        replica = ops.cast(backend.replica_id(), seed.dtype)
        # An odd number near 2**31 times the golden ratio: far from the seeds
        # that people choose.
        return seed + replica * ops.cast([1327217885, 0], seed.dtype)
