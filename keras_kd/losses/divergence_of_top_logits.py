"""Divergence of logits from a teacher of which the highest logits are known."""

from keras import ops

from keras_kd import backend
from keras_kd._core import reduction
from keras_kd._core import top_logits
from keras_kd.losses.divergence_of_logits import CLOSE
from keras_kd.losses.divergence_of_logits import FAR
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
    teacher = _Teacher(first, second.shape[-1], temperature)

    @ops.custom_gradient
    def of(second):
        value, slopes = _value_and_slopes(teacher, second, classes, temperature)

        def gradients(*arguments, upstream=None):
            found = slopes
            if upstream is None:
                (upstream,) = arguments
                upstream = backend.after(upstream, value)
            elif backend.is_recorded():
                # On PyTorch, only what is made of these can be differentiated
                # again.
                _, found = _value_and_slopes(
                    teacher, *arguments, classes, temperature
                )
            return ops.expand_dims(upstream / temperature, axis=-1) * found

        return value, gradients

    return of(second)


class _Teacher:
    """A distribution of which the highest logits are known.

    Attributes:
        top: The highest logits, `(..., k)`.
        rest: That of each other class, `(..., 1)`.
        others: Number of the other classes.
        highest: The highest of all, `(..., 1)`.
        total: What exponentials of the differences from that, over the
            temperature, are divided by to be probabilities, `(..., 1)`.
        p: Probabilities of the highest logits.
        rest_p: That of each other class.
    """

    def __init__(self, first, num_classes, temperature):
        self.top = first[top_logits.TOP_LOGITS]
        others = num_classes - self.top.shape[-1]
        self.others = ops.cast(others, self.top.dtype)
        rest = first[top_logits.REST] - ops.log(self.others)
        self.rest = ops.expand_dims(rest, axis=-1)
        self.highest = ops.maximum(reduction.highest(self.top), self.rest)
        top, rest = (
            ops.exp((logits - self.highest) / temperature)
            for logits in (self.top, self.rest)
        )
        self.total = ops.sum(top, axis=-1, keepdims=True) + self.others * rest
        self.p, self.rest_p = top / self.total, rest / self.total


def _value_and_slopes(teacher, second, classes, temperature):
    """Divergence, and its derivative by the logits over the temperature."""
    # Near 0, where a sum over all classes keeps its digits.
    highest = ops.stop_gradient(reduction.highest(second))
    softened = (second - highest) / temperature
    q = ops.softmax(softened, axis=-1)
    top_q = ops.take_along_axis(q, classes, axis=-1)
    # Large numbers would lose digits in a difference that is small.
    is_far = ops.abs(highest - teacher.highest) > FAR
    lift = ops.where(is_far, highest, 0.0)
    teachers_lift = ops.where(is_far, teacher.highest, 0.0)
    top, rest = teacher.top - teachers_lift, teacher.rest - teachers_lift
    top_second = ops.take_along_axis(second, classes, axis=-1) - lift
    # `log q - log p` less the difference of the logits over the temperature.
    # The highest q, whose exponential was 1, tells what q was divided by; their
    # sum, what that had lost.
    lifted = highest - lift
    shift = (teacher.highest - teachers_lift - lifted) / temperature
    share = reduction.highest(q)
    share = share / ops.sum(q, axis=-1, keepdims=True)
    shift += ops.log(teacher.total * share)

    log_ratios = (top_second - top) / temperature + shift
    top_softened = (top_second - lifted) / temperature
    mean = ops.sum(softened, axis=-1, keepdims=True)
    mean = mean - ops.sum(top_softened, axis=-1, keepdims=True)
    mean = mean / teacher.others
    mean_of_rest = mean + (lifted - rest) / temperature + shift
    plain = -ops.sum(teacher.p * log_ratios, axis=-1) - ops.squeeze(
        teacher.others * teacher.rest_p * mean_of_rest, axis=-1
    )
    # Not that of a class that is ruled out, which is nan.
    is_right = plain >= CLOSE

    def precise():
        of_rest = (second - lift - rest) / temperature + shift
        of_each = top_logits.scatter(
            terms(teacher.rest_p, q, of_rest),
            classes,
            terms(teacher.p, top_q, log_ratios),
        )
        return ops.where(is_right, plain, ops.sum(of_each, axis=-1))

    value = backend.cond(ops.all(is_right), lambda: plain, precise)
    slopes = top_logits.scatter(q - teacher.rest_p, classes, top_q - teacher.p)
    return ops.clip(value, 0.0, LARGEST), slopes
