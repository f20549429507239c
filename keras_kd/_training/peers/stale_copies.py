"""Copies of the peers' weights, exchanged now and then."""

import keras
from keras import ops


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
                copy.assign(ops.where(is_due, variable, copy))

    def scope(self, index):
        """Makes a scope in which a peer runs with its copy, unchanged.

        Args:
            index: Which peer.
        """
        return keras.StatelessScope(
            self._pairs[index], initialize_variables=False
        )


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
    copy.assign(variable)
    return copy
