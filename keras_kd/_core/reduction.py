"""Reduces values to one number over the batch of all replicas."""

import functools

import keras
from keras import ops

from keras_kd import backend
from keras_kd.backend.passes import read_mask
from keras_kd.backend.passes import with_mask as with_mask


def mean(values, weights=None, *masks, is_whole=False):
    """This replica's share of the mean over the global batch.

    ```
    sum(weights * mask * values) / number of unmasked values of all replicas
    ```

    The shares of the replicas add up to the mean that one device would get,
    also if the replicas have different numbers of examples or masked values.
    This is Keras's `sum_over_batch_size`, but for those cases.

    Args:
        values: `(batch,)`, or `(batch, steps, ...)`.
        weights: Sample weights that `broadcast_like` has fitted, or `None`.
        *masks: Boolean tensors of what counts, or `None`.
        is_whole: Whether there is one replica, where that is known. Defaults
            to `False`.

    Returns:
        A scalar.
    """
    mask = combine_masks(values, *masks)
    if mask is None:
        count = ops.size(values)
    else:
        mask = ops.broadcast_to(mask, ops.shape(values))
        count = ops.sum(ops.cast(mask, values.dtype))
        # Not a product: a masked value may be infinite.
        values = ops.where(mask, values, ops.zeros_like(values))
    if weights is not None:
        values = values * ops.cast(weights, values.dtype)
    count = ops.cast(count, values.dtype)
    if not is_whole:
        count = backend.all_sum(count)
    return ops.divide_no_nan(ops.sum(values), count)


def broadcast_like(tensor, values, combine):
    """Fits sample weights or a mask to the shape of values.

    Args:
        tensor: `(batch,)`, or with further axes.
        values: What it shall be multiplied with, `(batch, ...)`.
        combine: `ops.mean` or `ops.any`: how to merge axes that the values do
            not have.

    Returns:
        A tensor of the rank of `values`, whose axes are equal to those of
        `values` or 1.
    """
    rank = len(values.shape)
    if len(tensor.shape) > rank:
        extra = tuple(range(rank, len(tensor.shape)))
        tensor = combine(tensor, axis=extra)
    while len(tensor.shape) < rank:
        tensor = ops.expand_dims(tensor, axis=-1)
    differing = tuple(
        axis
        for axis in range(1, rank)
        if None not in (tensor.shape[axis], values.shape[axis])
        and tensor.shape[axis] not in (1, values.shape[axis])
    )
    if differing:
        tensor = combine(tensor, axis=differing, keepdims=True)
    return tensor


class GlobalMean(keras.losses.Loss):
    """A Keras loss that is averaged over the batch of all replicas.

    Keras averages on each replica and then over the replicas, which is off
    when the replicas have different numbers of examples or masked values.
    """

    def __init__(self, loss):
        super().__init__(name=loss.name, reduction=loss.reduction)
        self.loss = loss

    def __call__(self, y_true, y_pred, sample_weight=None):
        # As Keras does, though labels are integers.
        values = self.loss.call(
            ops.cast(y_true, self.loss.dtype),
            ops.cast(y_pred, self.loss.dtype),
        )
        if sample_weight is not None:
            sample_weight = broadcast_like(sample_weight, values, ops.mean)
        return mean(values, sample_weight, read_mask(y_pred), read_mask(values))


def highest(values, axis=-1):
    """The maximum, which no examples have too: a peer's part may be empty.

    Args:
        values: Numbers.
        axis: One axis or several, that are kept with length 1. Defaults to the
            last.
    """
    if 0 in values.shape:
        return ops.sum(values, axis=axis, keepdims=True)
    return ops.max(values, axis=axis, keepdims=True)


def is_of_positions(mask, tensor):
    """Whether a mask is about the positions of a feature.

    Args:
        mask: Boolean, `(batch, ...)`.
        tensor: A feature, `(batch, ..., features)`.
    """
    return 1 < len(mask.shape) < len(tensor.shape) and all(
        None in (mine, its) or mine == its
        for mine, its in zip(mask.shape, tensor.shape, strict=False)
    )


def zero_hidden(labels, mask):
    """Labels with 0 for those that a mask hides.

    Args:
        labels: `(batch, ...)`.
        mask: Boolean, of no more axes.
    """
    if len(mask.shape) > len(labels.shape):
        return labels
    while len(mask.shape) < len(labels.shape):
        mask = ops.expand_dims(mask, axis=-1)
    return ops.where(mask, labels, ops.zeros_like(labels))


def combine_masks(values, *masks):
    """Fits masks to values and combines them; `None` if there are none."""
    masks = [broadcast_like(m, values, ops.any) for m in masks if m is not None]
    combined = None
    for mask in masks:
        combined = mask if combined is None else combined & mask
    return combined


def reads_masks(loss):
    """Whether a loss is one of Keras's own, which skip masked values.

    Args:
        loss: What `compile` takes for one output, or `None`.
    """
    if loss is None or isinstance(loss, str):
        return True
    if isinstance(loss, functools.partial):
        return reads_masks(loss.func)
    function = getattr(loss, "fn", loss)
    # A function made by `exec`, as of a page of code, may be of no module.
    is_own = all(
        (part.__module__ or "").split(".")[0] == "keras"
        for part in (loss, function)
    )
    is_plain = not isinstance(loss, keras.losses.Loss) or (
        type(loss).__call__ is keras.losses.Loss.__call__
    )
    return is_own and is_plain


def over_replicas(loss):
    """Makes the losses of `compile` average over all replicas.

    Args:
        loss: Anything that `compile` takes. Losses that sum, or that reduce
            in their own way, and the names `"crossentropy"` and `"ce"`, which
            Keras resolves by shape, stay as they are.

    Returns:
        The same structure with `GlobalMean` in place of the losses.
    """
    return keras.tree.map_structure(_over_replicas, loss)


def by_examples(loss):
    """Lets losses that are not Keras's give values of fewer axes than a mask.

    Keras multiplies both, which fails for a value per example of a map.

    Args:
        loss: Anything that `compile` takes, on one replica.

    Returns:
        The same structure with `GlobalMean` in place of those losses.
    """
    return keras.tree.map_structure(
        lambda one: one if reads_masks(one) else _over_replicas(one), loss
    )


def _over_replicas(loss):
    if loss is None or str(loss).lower() in ("crossentropy", "ce"):
        return loss
    if not isinstance(loss, keras.losses.Loss):
        function = keras.losses.get(loss)
        loss = (
            function
            if isinstance(function, keras.losses.Loss)
            else PerExample(function)
        )
    is_plain = type(loss).__call__ is keras.losses.Loss.__call__
    if is_plain and loss.reduction in ("sum_over_batch_size", "mean"):
        return GlobalMean(loss)
    return loss


class PerExample(keras.losses.Loss):
    """A loss function as a Keras loss, as `compile` makes of it."""

    def __init__(self, function):
        super().__init__(name=getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true, y_pred):
        y_true, y_pred = _in_one_rank(y_true, y_pred)
        y_pred, y_true = _in_one_rank(y_pred, y_true)
        return self.function(y_true, y_pred)


def _in_one_rank(short, long):
    """Adds or takes away a last axis of 1 that only `long` has."""
    if len(long.shape) != len(short.shape) + 1 or long.shape[-1] != 1:
        return short, long
    if len(short.shape) == 1:
        return ops.expand_dims(short, axis=-1), long
    return short, ops.squeeze(long, axis=-1)
