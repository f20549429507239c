"""Kullback-Leibler divergence of logits, with a gradient of its own.

Its gradient is a difference of two softmaxes. From plain operations, it is made
of a dozen tensors that are kept for it: with 20,000 classes, most of what a
step costs.
"""

from keras import ops

from keras_kd import backend
from keras_kd._core import reduction

# Below this many nats, the rounding of a plain sum, some 1e-7, would be seen.
CLOSE = 0.02
# The value where a student rules out a class and its teacher does not.
LARGEST = 1e30
# From this difference of the highest logits on, both are moved to 0: that of
# two large numbers loses digits, where that of close ones is exact.
FAR = 4.0


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
                upstream = backend.after(upstream, value)
            elif backend.is_recorded():
                # On PyTorch, only what is made of these can be differentiated
                # again.
                kept = arguments, _slopes(*arguments, has_slopes_of_first)
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
    first, second, *highest = near(first, second)
    is_differentiated = has_slopes_of_first
    p, p_highest, p_total = _softmax(
        first, highest[0], temperature, is_differentiated
    )
    # In this order, three tensors of all classes are enough at a time.
    second = backend.after(second, p)
    q, q_highest, q_total = _softmax(
        second, highest[1], temperature, is_differentiated
    )
    by_second = q - p
    # A ratio near 1, whose logarithm keeps digits that those of both lose. What
    # the totals of a softmax lose, some 1e-5 of equal logits, shows in the sums
    # of the probabilities.
    shift = q_highest - p_highest + ops.log(q_total / p_total)
    shift += ops.sum(by_second, axis=-1, keepdims=True)
    second = backend.after(second, by_second)

    def log_ratios():
        # Not kept for both places: it is a tensor of all classes. Not from two
        # log-softmaxes, since close logits have an exact difference.
        return (second - first) / temperature - shift

    plain = -ops.sum(p * log_ratios(), axis=-1)

    def precise():
        # Both sums lose digits where p and q are close, and alike.
        value = ops.sum(_differences(p, log_ratios(), by_second), axis=-1)
        return ops.where(plain < CLOSE, value + plain, plain)

    value = backend.cond(ops.any(plain < CLOSE), precise, lambda: plain)

    def without_ruled_out():
        found = ops.sum(terms(p, p + by_second, log_ratios()), axis=-1)
        return ops.where(ops.isnan(plain), found, value)

    has_ruled_out = ops.any(ops.isnan(plain))
    value = backend.cond(has_ruled_out, without_ruled_out, lambda: value)
    value = ops.clip(value, 0.0, LARGEST)
    if not has_slopes_of_first:
        return value, (None, by_second)
    excess = log_ratios() + ops.expand_dims(value, axis=-1)
    by_first = ops.where(p > 0, -p * excess, 0.0)
    return value, (by_first, by_second)


def _slopes(first, second, temperature, has_slopes_of_first):
    """The second of what `_value_and_slopes` returns."""
    if has_slopes_of_first:
        return _value_and_slopes(first, second, temperature, True)[1]
    p, q = (ops.softmax(x / temperature, axis=-1) for x in (first, second))
    return None, q - p


def terms(p, q, log_ratios):
    """The divergence before the sum over classes.

    Args:
        p: Probabilities that weigh the classes; 0 is a class that is ruled out,
            whatever its logarithm.
        q: Those of the other distribution.
        log_ratios: `log q - log p`.

    Returns:
        Terms of that shape, each at least 0, that keep their digits where p and
        q are close.
    """
    close = p * (ops.expm1(log_ratios) - log_ratios)
    far = q - p - p * log_ratios
    return ops.where(p > 0, ops.where(log_ratios < 0.5, close, far), q)


def _differences(p, log_ratios, q_less_p):
    """The second distribution less the first, precise where they are close."""
    return ops.where(log_ratios < 0.5, p * ops.expm1(log_ratios), q_less_p)


def near(first, second):
    """Logits whose highest are near each other, which changes no softmax.

    Args:
        first: `(..., classes)`.
        second: Same shape.

    Returns:
        `(first, second, first's highest, second's highest)`, the latter two
        `(..., 1)`.
    """
    both = first, second
    highest = [ops.stop_gradient(reduction.highest(x)) for x in both]
    is_far = ops.abs(highest[0] - highest[1]) > FAR

    def moved():
        pairs = list(zip(both, highest, strict=True))
        return (
            *(x - ops.where(is_far, most, 0.0) for x, most in pairs),
            *(ops.where(is_far, 0.0, most) for most in highest),
        )

    return backend.cond(ops.any(is_far), moved, lambda: (*both, *highest))


def _softmax(logits, highest, temperature, is_differentiated):
    """Probabilities, and what their logarithms differ by from the logits.

    Returns:
        `(probabilities, highest, total)`: a probability is `exp(logit /
        temperature - highest) / total`.
    """
    softened = logits / temperature
    probabilities = ops.softmax(softened, axis=-1)
    highest = ops.stop_gradient(highest / temperature)
    if is_differentiated:
        total = ops.sum(ops.exp(softened - highest), axis=-1, keepdims=True)
        return probabilities, highest, total
    # The highest probability tells the total at less cost; equal ones would
    # give it a wrong derivative.
    total = 1 / reduction.highest(probabilities)
    # The next to read them may then write its result in their place.
    return backend.after(probabilities, total), highest, total


def _gradients(upstream, inputs, slopes, by_first, by_temperature):
    first, second, temperature = inputs
    of_first, of_second = slopes
    factor = ops.expand_dims(upstream / temperature, axis=-1)
    of_temperature = None
    if by_temperature:
        first, second, *_ = near(first, second)
        terms = of_second * second + ops.where(
            of_first == 0, 0.0, of_first * first
        )
        of_temperature = -ops.sum(factor * terms) / temperature
    return (
        factor * of_first if by_first else None,
        factor * of_second,
        of_temperature,
    )
