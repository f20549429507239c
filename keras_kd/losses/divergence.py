"""Terms of the Kullback-Leibler divergence, of logarithms of probabilities."""

from keras import ops

# Log-probability of an outcome that is ruled out.
IMPOSSIBLE = -1e30


def divergence(log_p, log_q):
    """Kullback-Leibler divergence of p from q, before the sum over outcomes.

    The plain `p * (log p - log q)` adds terms of both signs that nearly
    cancel; `p * (exp(d) - 1 - d)` with `d = log q - log p` has the same sum
    and no negative term, so it keeps its digits when p and q are close.

    Args:
        log_p: Log-probabilities; -inf is an outcome that p rules out.
        log_q: Log-probabilities, same shape.

    Returns:
        Terms of that shape, each at least 0, in nats.
    """
    # A finite number whose exponential is 0: -inf times 0 would be nan.
    log_p, log_q = (ops.maximum(log, IMPOSSIBLE) for log in (log_p, log_q))
    p = ops.exp(log_p)
    difference = log_q - log_p
    is_close = ops.abs(difference) < 0.5
    # A branch that is not taken must still be finite, or its gradient is nan.
    close = ops.where(is_close, difference, 0.0)
    far = ops.where(is_close, 0.0, difference)
    return ops.where(
        is_close,
        p * (ops.expm1(close) - close),
        ops.exp(log_q) - p - p * far,
    )
