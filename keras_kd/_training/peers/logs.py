"""Logs of each peer of a MutualDistiller."""

import dataclasses

from keras_kd._training.logs import Logs
from keras_kd._training.logs import merge


class PeerLogs:
    """Running means and metrics of each peer, under its own keys.

    In place of the `Logs` of a Distiller.

    Args:
        names: Keys of the terms, without the peer's name.
        peers: Names of the peers.
    """

    def __init__(self, names, peers):
        self.of = {peer: Logs(names) for peer in peers}

    @property
    def fed(self):
        """Metrics that see the teachers, of all peers."""
        return [fed for logs in self.of.values() for fed in logs.fed]

    @fed.setter
    def fed(self, given):
        for logs in self.of.values():
            logs.fed = [
                dataclasses.replace(fed, metric=copied(fed.metric))
                for fed in given
            ]

    def metrics(self, omitted):
        """All metrics, without the means of a term that is not in use."""
        return [m for logs in self.of.values() for m in logs.metrics(omitted)]

    def results(self, omitted):
        """Their values, by key."""
        return merge(
            (f"{peer}_{key}", value)
            for peer, logs in self.of.items()
            for key, value in logs.results(omitted).items()
        )

    def have_seen_no_teacher(self):
        """Never: the peers are always there."""
        return False


def copied(metric):
    """Another metric of the same config.

    Args:
        metric: A `keras.metrics.Metric`.

    Raises:
        ValueError: If its config does not make one.
    """
    try:
        return type(metric).from_config(metric.get_config())
    except (NotImplementedError, TypeError) as error:
        raise ValueError(
            "Metrics must be what their config says, since each peer gets a "
            f"copy. Received: {metric.name!r} of type {type(metric).__name__}. "
            "Write its `get_config`."
        ) from error
