"""Logs of each peer of a MutualDistiller."""

import dataclasses
from typing import Any

from keras_kd._training.logs import Logs
from keras_kd._training.logs import Reporting
from keras_kd._training.logs import merge
from keras_kd._types import Tensor

# Head of the metrics of all peers together.
ENSEMBLE = "ensemble"


class PeerLogs:
    """Running means and metrics of each peer, under its own keys.

    In place of the `Logs` of a Distiller.

    Attributes:
        of: `Logs` of each peer.

    Args:
        names: Keys of the terms, without the peer's name.
        peers: Names of the peers.
    """

    def __init__(self, names, peers):
        self.peers = tuple(peers)
        self.of = [Logs(names) for _ in peers]
        self.sides = self.of[0].sides

    @property
    def fed(self):
        """Metrics that see the teachers, of all peers."""
        return [fed for logs in self.of for fed in logs.fed]

    @fed.setter
    def fed(self, given):
        for logs in self.of:
            logs.fed = [
                dataclasses.replace(fed, metric=copied(fed.metric))
                for fed in given
            ]

    def metrics(self, omitted):
        """All metrics, without the means of a term that is not in use."""
        return [m for logs in self.of for m in logs.metrics(omitted)]

    def results(self, omitted):
        """Their values, by key."""
        return merge(
            (f"{peer}_{key}", value)
            for peer, logs in zip(self.peers, self.of, strict=True)
            for key, value in logs.results(omitted).items()
        )


class PeerReporting(Reporting):
    """The metrics of a MutualDistiller, and their results.

    The class it is mixed into, before `keras.Model`, has `peers`,
    `peer_names`, and `PeerLogs` in `_parts.logs`.
    """

    def compute_metrics(
        self,
        x: Tensor,
        y: Tensor,
        y_pred: Tensor,
        sample_weight: Tensor | None = None,
    ) -> dict[str, Any]:
        """Updates the metrics; see `keras.Model`.

        Args:
            x: Input.
            y: Labels, or a dict of them: of each peer and of the ensemble.
            y_pred: Logits likewise.
            sample_weight: Sample weights likewise, or `None`.

        Returns:
            Dict of the logs.
        """
        y, y_pred, sample_weight = (
            one
            if isinstance(one, dict) or one is None
            else by_head(self.peer_names, [one] * (len(self.peers) + 1))
            for one in (y, y_pred, sample_weight)
        )
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _results(self, is_shown):
        """The values of each peer and of the ensemble, and their means."""
        results = super()._results(is_shown)
        first = f"{self.peer_names[0]}_"
        suffixes = [
            key.removeprefix(first) for key in results if key.startswith(first)
        ]
        means = {}
        for suffix in suffixes:
            values = [results.get(f"{p}_{suffix}") for p in self.peer_names]
            if not any(v is None or isinstance(v, dict) for v in values):
                means[suffix] = sum(values) / len(values)
        return merge([*results.items(), *means.items()])


def by_head(peers, values):
    """A dict of values by the names of the peers, and of the ensemble."""
    return dict(zip((*peers, ENSEMBLE), values, strict=True))


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
