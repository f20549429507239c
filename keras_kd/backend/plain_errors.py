"""`fit` and the like, with errors of a backend in one sentence."""

import contextlib
from typing import Any


class PlainErrors:
    """Runs what trains and evaluates in a context. Mixed in before a trainer.

    The class below sets `_plain_errors`: from the arguments of `fit` or
    `evaluate`, or no arguments, to a context manager.
    """

    def _plain_errors(self, arguments):
        return contextlib.nullcontext()

    def fit(self, *args, **kwargs):
        """See Keras."""
        with self._plain_errors(kwargs):
            return super().fit(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        """See Keras."""
        with self._plain_errors(kwargs):
            return super().evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """See Keras."""
        with self._plain_errors({}):
            return super().predict(*args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """See Keras."""
        with self._plain_errors({}):
            return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """See Keras."""
        with self._plain_errors({}):
            return super().test_on_batch(*args, **kwargs)
