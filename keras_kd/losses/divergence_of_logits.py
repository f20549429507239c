"""Kullback-Leibler divergence of logits, with a gradient of its own.

Its gradient is a difference of two softmaxes. From plain operations, it is made
of a dozen tensors that are kept for it: with 20,000 classes, most of what a
step costs.
"""

from keras import ops

# Below this many nats, the rounding of a plain sum would be seen.
_CLOSE = 0.1
# The value where a student rules out a class and its teacher does not.
_LARGEST = 1e30


def divergence_of_logits(first, second, temperature, *, by_first=False):
    """Kullback-Leibler divergence of softened distributions.

    Args:
        first: Logits of the distribution that weighs the classes, `(...,
            classes)`; -inf is a class that it rules out.
        second: Logits of the other, same shape.
        temperature: Scalar > 0 that divides both. A tensor or a variable that
            is trained has a derivative; a number and other variables have none.
        by_first: Whether there is a gradient by `first`, which is 0 otherwise.
            Defaults to `False`.

    Returns:
        Divergence in nats, shape `(...)`, from 0 to 1e30.
    """
    by_temperature = getattr(
        temperature, "trainable", ops.is_tensor(temperature)
    )
    has_slopes_of_first = by_first or by_temperature

    @ops.custom_gradient
    def of(first, second, temperature):
        inputs = first, second, temperature
        value, slopes = _value_and_slopes(*inputs, has_slopes_of_first)

        def gradients(*arguments, upstream=None):
            kept = inputs, slopes
            if upstream is None:
                (upstream,) = arguments
            else:
                # On PyTorch, only what is made of these can be differentiated
                # again.
                kept = (
                    arguments,
                    _value_and_slopes(*arguments, has_slopes_of_first)[1],
                )
            return _gradients(upstream, *kept, by_first, by_temperature)

        return value, gradients

    # A tensor of its own: TensorFlow takes no variable that is trained here.
    temperature = 1 * ops.convert_to_tensor(temperature, first.dtype)
    return of(first, second, temperature)


def _value_and_slopes(first, second, temperature, has_slopes_of_first):
    """Divergence and its derivatives by the logits over the temperature.

    Returns:
        The value, and the derivatives by both; None for those by `first` if
        they are not asked for.
    """
    p, log_p_total = _softmax(first, temperature, has_slopes_of_first)
    q, log_q_total = _softmax(second, temperature, has_slopes_of_first)
    shift = log_q_total - log_p_total
    by_second = q - p

    def log_ratios():
        # Not kept for both places: it is a tensor of all classes. Not from two
        # log-softmaxes, since close logits have an exact difference.
        return (second - first) / temperature - shift

    plain = -ops.sum(p * log_ratios(), axis=-1)

    def precise():
        # Both sums lose digits where p and q are close, and alike.
        value = ops.sum(_differences(p, log_ratios(), by_second), axis=-1)
        return ops.where(plain < _CLOSE, value + plain, plain)

    def without_ruled_out():
        d = log_ratios()
        # A class with p = 0 and a ratio of inf has no part in the mean.
        terms = ops.where(p > 0, p * d, ops.zeros_like(d))
        value = ops.sum(_differences(p, d, by_second) - terms, axis=-1)
        return ops.where(ops.isnan(plain), value, close)

    close = ops.cond(ops.any(plain < _CLOSE), precise, lambda: plain)
    value = ops.cond(
        ops.any(ops.isnan(plain)), without_ruled_out, lambda: close
    )
    value = ops.clip(value, 0.0, _LARGEST)
    if not has_slopes_of_first:
        return value, (None, by_second)
    excess = log_ratios() + ops.expand_dims(value, axis=-1)
    by_first = ops.where(p > 0, -p * excess, ops.zeros_like(p))
    return value, (by_first, by_second)


def _differences(p, log_ratios, q_less_p):
    """The second distribution less the first, precise where they are close."""
    return ops.where(log_ratios < 0.5, p * ops.expm1(log_ratios), q_less_p)


def _softmax(logits, temperature, is_differentiated):
    """Probabilities, and the logarithm of what they are divided by."""
    softened = logits / temperature
    probabilities = ops.softmax(softened, axis=-1)
    if is_differentiated:
        return probabilities, ops.logsumexp(softened, axis=-1, keepdims=True)
    # The probability of the highest logit tells it at less cost; equal ones
    # would give it a wrong derivative.
    highest = ops.max(logits, axis=-1, keepdims=True) / temperature
    share = ops.max(probabilities, axis=-1, keepdims=True)
    return probabilities, highest - ops.log(share)


def _gradients(upstream, inputs, slopes, by_first, by_temperature):
    first, second, temperature = inputs
    of_first, of_second = slopes
    factor = ops.expand_dims(upstream / temperature, axis=-1)
    of_temperature = ops.zeros_like(temperature)
    if by_temperature:
        terms = of_second * second + ops.where(
            of_first == 0, ops.zeros_like(first), of_first * first
        )
        of_temperature = -ops.sum(factor * terms) / temperature
    return (
        factor * of_first if by_first else ops.zeros_like(first),
        factor * of_second,
        of_temperature,
    )
