"""Checks that an augmentation of images leaves their labels right.

A class number fits an image that was flipped; a mask, boxes or points do not,
but where an `Augmentation` declares them: then they follow the pixels.
"""

import keras
import tensorflow as tf

from keras_kd.teachers import moving_layers
from keras_kd.teachers._cache import elements
from keras_kd.teachers._cache import moved_labels
from keras_kd.teachers.augmentation import Augmentation

# Parts of the names of labels of positions.
_PLACES = ("box", "keypoint", "landmark", "mask", "point", "segmentation")


def check(augmentation, data, argument):
    """Validates that no pixels move where labels belong to places.

    A label belongs to places if it has two axes or more for an example, such
    as a mask or a list of boxes; or if its key in a dict has one of `box`,
    `keypoint`, `landmark`, `mask`, `point` and `segmentation` in it. A single
    number and a vector are taken for classes or scores: a box that is one
    vector of four numbers without a name looks the same. Sample weights are
    treated as labels.

    Args:
        augmentation: A function, or `None`.
        data: `tf.data.Dataset` of single examples.
        argument: What the caller calls the data.

    Raises:
        ValueError: If an example has such labels, and the augmentation does
            not leave all pixels in place, or it is not known whether it does.
    """
    found = moving(augmentation)
    if not found:
        return
    for element in data.take(1):
        others = elements.others_of(element)
        if others and isinstance(augmentation, Augmentation):
            # As the pipeline knows their shapes, which decide there.
            declared = augmentation.kinds_of(
                elements.input_of(data.element_spec),
                elements.others_of(data.element_spec)[0],
            )
            x = elements.input_of(element)
            others = _staying(declared, x, *others)
        for name, shape in _positional(others):
            raise ValueError(
                "`augmentation` must leave all pixels in place where labels "
                "belong to places, since they would no longer fit, but for "
                f"labels that it declares. Received: {found}, and {argument} "
                f"with {name} of shape {shape} for an example. Give "
                '`teachers.Augmentation(..., labels="mask")`, "boxes" or '
                '"points", augment pairs of both with '
                f"`{argument}.map`, before they are cached, or leave "
                "`augmentation` out."
            )


def _staying(declared, x, y, sample_weight=None):
    """Labels and weights that do not follow, after a check of the others."""
    if declared is None:
        return y, sample_weight
    moved_labels.check(declared, x, y)
    gone = dict.fromkeys(moving_layers.KINDS, lambda leaf: None)
    return moved_labels.by_kind(declared, y, **gone), keras.tree.map_structure(
        lambda w: None if moved_labels.is_of_pixels(w, x) else w, sample_weight
    )


def moving(augmentation):
    """Describes the part of an augmentation that may move pixels.

    Args:
        augmentation: A function, or `None`.

    Returns:
        Text for an error; empty if all pixels stay.
    """
    if augmentation is None or getattr(augmentation, "keeps_positions", False):
        return ""
    if not isinstance(augmentation, Augmentation):
        return _unknown("the function", augmentation)
    for layer in moving_layers.all_layers(augmentation.layers):
        name = moving_layers.name_of(layer)
        if moving_layers.stays(layer):
            continue
        if name is None:
            return _unknown("the layer", layer)
        return f"`{name}`, which moves pixels"
    return ""


def _unknown(kind, given):
    name = getattr(given, "__qualname__", type(given).__name__)
    return (
        f"{kind} `{name}`, of which nothing says that it leaves pixels in "
        "place (if it does, set its attribute `keeps_positions` to True)"
    )


def _positional(parts):
    """Yields names and shapes of positional labels and sample weights."""
    for part, others in zip(("labels", "sample weights"), parts, strict=False):
        for path, leaf in keras.tree.flatten_with_path(others):
            if leaf is None:
                continue
            shape = tf.TensorShape(leaf.shape)
            name = "/".join(str(step) for step in path)
            is_named = any(word in name.lower() for word in _PLACES)
            if is_named or shape.rank is None or shape.rank >= 2:
                yield f"{part} {name!r}" if name else part, tuple(shape)
