"""Labels that belong to places of an image, and follow its pixels."""

import keras
import tensorflow as tf

from keras_kd.teachers import moving_layers
from keras_kd.teachers._cache import moved_places


class MovedLabels:
    """The labels and sample weights of one image, while layers move it.

    Args:
        augmentation: An `Augmentation`.
        x: The image, `(height, width, channels)`.
        y: Its labels.
        sample_weight: Its sample weights, or `None`.

    Raises:
        ValueError: If the shapes do not fit.
    """

    def __init__(self, augmentation, x, y, sample_weight):
        self._kinds = augmentation.kinds_of(x, y)
        self._format = augmentation.box_format
        self._size = moved_places.size_of(x)
        as_tensor = dict.fromkeys(moving_layers.KINDS, tf.convert_to_tensor)
        y = by_kind(self._kinds, y, **as_tensor)
        check(self._kinds, x, y)
        clips = augmentation.outside == "clip"
        self._y = by_kind(
            self._kinds,
            y,
            mask=_Mask,
            boxes=lambda leaf: moved_places.Boxes(
                leaf, self._format, self._size, clips
            ),
            points=lambda leaf: moved_places.Points(leaf, self._size, clips),
        )
        self._weights = keras.tree.map_structure(
            lambda leaf: _Mask(leaf) if is_of_pixels(leaf, x) else leaf,
            sample_weight,
        )

    def follow(self, followers, call):
        """Moves all as a layer has moved the image.

        Args:
            followers: The `Followers` of the layer.
            call: Calls a layer on an image, with the same draws.
        """
        self._check_size(followers.least)
        matrix, size = None, self._size
        if not moving_layers.kinds(self._kinds).isdisjoint(("boxes", "points")):
            places = call(followers.places, moved_places.image(size))
            matrix, size = (
                moved_places.matrix(places, size),
                moved_places.size_of(places),
            )

        def pixels(mask, layer):
            mask.image = call(layer, mask.image)
            return mask

        self._y = by_kind(
            self._kinds,
            self._y,
            mask=lambda mask: pixels(mask, followers.labels),
            boxes=lambda boxes: boxes.moved(matrix, size),
            points=lambda points: points.moved(matrix, size),
        )
        for weights in self._moved_weights():
            pixels(weights, followers.weights)
        self._size = size

    def _check_size(self, least):
        """Validates that labels are not blended."""
        for mask in (*keras.tree.flatten(self._y), *self._moved_weights()):
            if not isinstance(mask, _Mask):
                continue
            shape = tuple(mask.image.shape[:2])
            pairs = zip(shape, least, strict=True)
            if any(given is not None and given < size for given, size in pairs):
                raise ValueError(
                    "`RandomCrop` must be no larger than the image where masks "
                    "follow, since Keras 3.15 then blends what it enlarges. "
                    f"Received: height={least[0]}, width={least[1]} for images "
                    f"of {shape}. Put a `keras.layers.Resizing` before it."
                )

    def _moved_weights(self):
        flat = keras.tree.flatten(self._weights)
        return [weights for weights in flat if isinstance(weights, _Mask)]

    def results(self):
        """The labels as they are now, and the sample weights."""
        y = by_kind(
            self._kinds,
            self._y,
            mask=lambda mask: mask.result(),
            boxes=lambda boxes: boxes.as_given(self._format),
            points=lambda points: points.places,
        )
        return y, keras.tree.map_structure(
            lambda w: w.result() if isinstance(w, _Mask) else w, self._weights
        )


def by_kind(declared, structure, **functions):
    """Applies a function to each label of a kind; others stay.

    Args:
        declared: `Augmentation.labels`.
        structure: Labels, or what came of them.
        **functions: By kind.

    Raises:
        ValueError: If the two structures differ.
    """
    if isinstance(declared, dict):
        if (
            not isinstance(structure, dict)
            or declared.keys() != structure.keys()
        ):
            raise _other_structure(declared, structure)
        return {
            name: by_kind(declared[name], structure[name], **functions)
            for name in structure
        }
    if isinstance(declared, list | tuple):
        if not isinstance(structure, list | tuple) or (
            len(declared) != len(structure)
        ):
            raise _other_structure(declared, structure)
        pairs = zip(declared, structure, strict=True)
        return tuple(by_kind(d, part, **functions) for d, part in pairs)
    if declared is None:
        return structure
    if isinstance(structure, dict | tuple):
        raise _other_structure(declared, structure)
    return functions[declared](structure)


def _other_structure(declared, structure):
    shown = keras.tree.map_structure(
        lambda leaf: tuple(getattr(leaf, "shape", ())), structure
    )
    return ValueError(
        "`labels` of an `Augmentation` must have the structure of `y`, since "
        f"it says what each part is. Received: labels={declared!r}, and y of "
        f"shapes {shown}. Name each part of `y`, with None for what belongs to "
        "no place."
    )


def check(declared, x, y):
    """Validates that labels have the shapes of what they are declared to be.

    Args:
        declared: `Augmentation.labels`.
        x: An image.
        y: Its labels.

    Raises:
        ValueError: If they do not.
    """

    def last(kind, count, row):
        def validate(leaf):
            shape = tuple(leaf.shape)
            if len(shape) != 2 or shape[-1] != count:
                raise ValueError(
                    f"`y` must have {kind} of shape (number, {count}) for an "
                    f"example, since each has {row}. Received: shape {shape}. "
                    "Pad them to one number, with boxes of no area or points "
                    "of nan."
                )

        return validate

    def mask(leaf):
        shape = tuple(leaf.shape)
        if len(shape) not in (2, 3) or not is_of_pixels(leaf, x):
            raise ValueError(
                "`y` must have a mask with a label for each pixel, since it "
                "follows them. Received: a mask of shape "
                f"{shape} for an image of {tuple(x.shape)}. Resize the masks "
                "with `keras.layers.Resizing(height, width, "
                'interpolation="nearest")` before, or behind the augmentation.'
            )

    by_kind(
        declared,
        y,
        mask=mask,
        boxes=last("boxes", 4, "two corners, or a place and a size"),
        points=last("points", 2, "an x and a y"),
    )


def is_of_pixels(leaf, x):
    """Whether a tensor has the height and the width of an image."""
    if leaf is None or len(leaf.shape) < 2:
        return False
    return all(
        None in (mine, its) or mine == its
        for mine, its in zip(leaf.shape[:2], x.shape[:2], strict=True)
    )


class _Mask:
    """A number for each pixel, `(height, width)` or with channels."""

    def __init__(self, given):
        self.given = given
        image = tf.cast(given, "float32")
        self.image = image[..., None] if len(given.shape) == 2 else image

    def result(self):
        image, dtype = self.image, self.given.dtype
        image = image[..., 0] if len(self.given.shape) == 2 else image
        return tf.cast(image if dtype.is_floating else tf.round(image), dtype)
