"""Divergence of logits from a teacher of which the highest logits are known."""

from keras import ops

from keras_kd import backend
from keras_kd._core import top_logits
from keras_kd.losses.divergence_of_logits import CLOSE
from keras_kd.losses.divergence_of_logits import LARGEST
from keras_kd.losses.divergence_of_logits import terms


def divergence_of_top_logits(first, second, temperature):
    """Kullback-Leibler divergence of softened distributions.

    That of `divergence_of_logits` for `top_logits.spread(first, classes)`,
    which is not made: all classes but the highest are one number.

    Args:
        first: The form of `top_logits`.
        second: Logits of the other distribution, `(..., classes)`, by which
            alone there is a gradient.
        temperature: Scalar > 0 that divides both.

    Returns:
        Divergence in nats, shape `(...)`, from 0 to 1e30.
    """
    temperature = ops.convert_to_tensor(temperature, second.dtype)
    classes = ops.cast(first[top_logits.TOP_CLASSES], "int32")
    logs = _log_probabilities(first, second.shape[-1], temperature)

    @ops.custom_gradient
    def of(second):
        value, slopes = _value_and_slopes(second, *logs, classes, temperature)

        def gradients(*arguments, upstream=None):
            found = slopes
            if upstream is None:
                (upstream,) = arguments
                upstream = backend.after(upstream, value)
            else:
                # On PyTorch, only what is made of these can be differentiated
                # again.
                _, found = _value_and_slopes(
                    *arguments, *logs, classes, temperature
                )
            return ops.expand_dims(upstream / temperature, axis=-1) * found

        return value, gradients

    return of(second)


def _log_probabilities(first, num_classes, temperature):
    """Log-probabilities of the highest classes, and of each other one.

    Returns:
        Shapes `(..., k)` and `(..., 1)`.
    """
    top = first[top_logits.TOP_LOGITS] / temperature
    others = num_classes - top.shape[-1]
    rest = first[top_logits.REST] - ops.log(ops.cast(others, top.dtype))
    rest = ops.expand_dims(rest / temperature, axis=-1)
    rest_total = rest + ops.log(ops.cast(others, top.dtype))
    total = ops.logsumexp(
        ops.concatenate([top, rest_total], axis=-1), axis=-1, keepdims=True
    )
    return top - total, rest - total


def _value_and_slopes(second, log_p, log_rest, classes, temperature):
    """Divergence, and its derivative by the logits over the temperature."""
    # Near 0, where a sum over all classes keeps its digits.
    highest = ops.stop_gradient(ops.max(second, axis=-1, keepdims=True))
    softened = (second - highest) / temperature
    q = ops.softmax(softened, axis=-1)
    # The probability of the highest logit, which became 0, tells it.
    log_total = -ops.log(ops.max(q, axis=-1, keepdims=True))
    p, rest = ops.exp(log_p), ops.exp(log_rest)
    top_q = ops.take_along_axis(q, classes, axis=-1)
    top_softened = ops.take_along_axis(softened, classes, axis=-1)

    of_top = ops.sum(p * (log_p - top_softened + log_total), axis=-1)
    others = ops.cast(second.shape[-1] - classes.shape[-1], q.dtype)
    of_rest = rest * (others * (log_rest + log_total))
    of_rest -= rest * (
        ops.sum(softened, axis=-1, keepdims=True)
        - ops.sum(top_softened, axis=-1, keepdims=True)
    )
    plain = of_top + ops.squeeze(of_rest, axis=-1)
    # Not that of a class that is ruled out, which is nan.
    is_right = plain >= CLOSE

    def precise():
        of_each = terms(rest, q, softened - log_total - log_rest)
        log_ratios = top_softened - log_total - log_p
        of_each = top_logits.scatter(
            of_each, classes, terms(p, top_q, log_ratios)
        )
        return ops.where(is_right, plain, ops.sum(of_each, axis=-1))

    value = ops.cond(ops.all(is_right), lambda: plain, precise)
    slopes = top_logits.scatter(q - rest, classes, top_q - p)
    return ops.clip(value, 0.0, LARGEST), slopes
