"""Divergences from mixtures of two distributions."""

from keras import ops

from keras_kd._core.arguments import Bounds
from keras_kd.losses.divergence import IMPOSSIBLE
from keras_kd.losses.divergence import divergence

# A share in a mixture. At 0 and 1 there is none: one of the distributions is
# left, of which other losses are made.
SHARE = Bounds(0.001, 0.999)


def divergence_from_mixture(log_p, log_q, share):
    """Kullback-Leibler divergence of p from `share * p + (1 - share) * q`.

    Args:
        log_p: Log-probabilities, `(..., classes)`; -inf is a class ruled out.
        log_q: Log-probabilities, same shape.
        share: Scalar above 0 and below 1.

    Returns:
        Divergence in nats, `(...)`, at most `-log(share)`.
    """
    log_p, log_q = (ops.maximum(log, IMPOSSIBLE) for log in (log_p, log_q))
    share = ops.cast(share, log_p.dtype)
    return ops.sum(divergence(log_p, log_mixture(log_p, log_q, share)), axis=-1)


def log_mixture(log_p, log_q, share):
    """Logarithm of `share * p + (1 - share) * q`, exact where both are equal.

    Args:
        log_p: Finite logarithms.
        log_q: Finite logarithms, same shape.
        share: Scalar above 0 and below 1, a tensor.
    """
    difference = log_q - log_p
    is_close = ops.abs(difference) < 0.5
    # A branch that is not taken must still be finite, or its gradient is nan.
    close = ops.where(is_close, difference, 0.0)
    return ops.where(
        is_close,
        log_p + ops.log1p((1 - share) * ops.expm1(close)),
        ops.logaddexp(log_p + ops.log(share), log_q + ops.log1p(-share)),
    )
