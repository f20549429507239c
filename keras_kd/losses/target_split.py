"""Splits probabilities into those of the label's class and of the others."""

from typing import NamedTuple

from keras import ops

from keras_kd._core import reduction
from keras_kd._types import Tensor
from keras_kd.losses.divergence import IMPOSSIBLE


class Split(NamedTuple):
    """Log-probabilities of one class against the others.

    Attributes:
        target: Of the class of the label, `(batch, ...)`.
        rest: Of any other class, `(batch, ...)`.
        others: Of each class, given that it is not that of the label,
            `(batch, ..., classes)`: at the label's, so low that its
            exponential is 0.
    """

    target: Tensor
    rest: Tensor
    others: Tensor


def split(logits, index):
    """Splits the softmax of logits at one class of each row.

    Nothing is subtracted from 1: `target` and `rest` keep their digits where
    either probability rounds to 1, and are never the logarithm of 0.

    Args:
        logits: `(batch, ..., classes)`; -inf is a class that is ruled out.
        index: Class numbers, `(batch, ...)`, int32.

    Returns:
        A `Split`.
    """
    classes = ops.arange(logits.shape[-1])
    is_target = ops.equal(classes, ops.expand_dims(index, axis=-1))
    highest = reduction.highest(logits)
    logits = ops.maximum(logits - ops.stop_gradient(highest), IMPOSSIBLE)
    # Not a number subtracted, which would leave some of the class.
    others = ops.where(is_target, IMPOSSIBLE, logits)
    target = ops.sum(ops.where(is_target, logits, 0.0), axis=-1)
    lead = target - ops.logsumexp(others, axis=-1)
    return Split(
        ops.log_sigmoid(lead),
        ops.log_sigmoid(-lead),
        ops.log_softmax(others, axis=-1),
    )
