"""Copies of the peers' weights, exchanged now and then."""

from keras import ops

from keras_kd import backend


class StaleCopies:
    """Copies of the peers' weights, as they were some steps ago.

    Args:
        peers: Built models.
        add_weight: The `add_weight` of the model that keeps the copies, so
            that they are saved and mirrored with it.
        every: Number of updates between exchanges.
    """

    def __init__(self, peers, add_weight, every):
        self.every = every
        self._pairs = [
            [
                (variable, _copy(variable, add_weight, f"stale_{i}_{j}"))
                for j, variable in enumerate(peer.weights)
            ]
            for i, peer in enumerate(peers)
        ]

    def exchange(self, iterations):
        """Renews the copies, if due.

        Args:
            iterations: Number of updates so far.
        """
        is_due = ops.equal(iterations % self.every, 0)
        for pairs in self._pairs:
            for variable, copy in pairs:
                # Not in a condition, where replicas cannot meet to assign.
                copy.assign(ops.where(is_due, variable.value, copy.value))

    def scope(self, index):
        """Makes a scope in which a peer runs with its copy, unchanged.

        Args:
            index: Which peer.
        """
        return backend.read_only(self._pairs[index])


def _copy(variable, add_weight, name):
    copy = add_weight(
        shape=variable.shape,
        dtype=variable.dtype,
        initializer="zeros",
        trainable=False,
        autocast=False,
        aggregation="only_first_replica",
        name=name,
    )
    # Not the variable itself: on JAX the two would share their memory.
    copy.assign(ops.convert_to_numpy(variable))
    return copy
