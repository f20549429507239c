"""Augmentation that gives equal pixels for equal seeds."""

import contextlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Self

import keras
from keras import ops

from keras_kd import taps
from keras_kd._core import tapped_model
from keras_kd._core.call_hooks import hooked
from keras_kd._types import Tensor
from keras_kd.losses.box_soft_targets import check_format
from keras_kd.teachers import moving_layers

# Odd, and without small multiples near 2**32: seeds of the draws of one
# example do not meet those of another.
_STEP = -1640531527
_DEFAULTS = {
    "labels": "infer",
    "void": 0,
    "box_format": "xyxy",
    "outside": "refuse",
}


@keras.saving.register_keras_serializable("keras_kd")
class Augmentation:
    """Keras's own preprocessing layers, with a given seed for each example.

    The layers draw from generators that advance with each call, so their draws
    cannot be repeated. Here all draws follow from the seed: a cache that stores
    it can show the student the pixels that the teacher saw. The layers
    themselves are not changed.

    Masks of class numbers follow the pixels, and so do other labels that belong
    to places if `labels` says what they are, and sample weights of pixels with
    them. Of what cannot follow, a cache raises for layers that move pixels, and
    for unknown layers: one of your own that leaves pixels in place has an
    attribute `keeps_positions = True`, and so does a function in place of this.

    Args:
        layers: One layer of `keras.layers`, such as `RandomFlip`, or a list of
            layers, applied in order. They must take their random numbers from
            a `keras.random.SeedGenerator` of their own, as those of Keras do.
        labels: What `y` is: `"mask"`, class numbers or one-hot rows of each
            pixel, `(height, width)` or `(height, width, channels)`; `"boxes"`,
            `(number, 4)`; `"points"`, `(number, 2)` of x and y; or, of the
            structure of `y`, one of these for each part, with `None` for what
            belongs to no place. Boxes and points are in pixels, the image
            going from 0 to its width and height. What they enclose is cut at
            the edge of the image; a box that leaves it becomes zeros, and a
            point nan. A box without area stays as it is: it is padding.
            Defaults to `"infer"`: one tensor of integers of the height and
            width of the image is a mask, and other labels stay. `None` lets
            all stay.
        void: What a mask has where an image has nothing, such as
            the corners of a turned one with `fill_mode="constant"`. Weights
            have 0 there. Defaults to `0`.
        box_format: See `losses.BoxSoftTargets`. Defaults to `"xyxy"`.
        outside: What to do with given boxes and points beyond the image:
            `"refuse"`, which stops, or `"clip"`, which brings them to its edge.
            Defaults to `"refuse"`.

    Call arguments:
        x: One example, not batched: a tensor.
        seed: Two int32 numbers.
        y: Its labels, or `None`.
        sample_weight: Its sample weights, or `None`.

    Returns:
        The changed `x`; with labels `(x, y)`, with sample weights
        `(x, y, sample_weight)`. Boxes and points are float32.

    Raises:
        TypeError: If something else than layers is given.
        ValueError: If there is no layer; if an argument is none of the above;
            if labels cannot follow a layer, such as `MixUp`, or are not of the
            shapes above.
        RuntimeError: When it is called, if the Keras backend is not TensorFlow.

    Example:

    >>> augmentation = keras_kd.teachers.Augmentation(
    ...     keras.layers.RandomTranslation(0.2, 0.2)
    ... )
    >>> image = np.random.default_rng(0).random((8, 8, 1))
    >>> first, again, other = (
    ...     augmentation(image, seed) for seed in ((1, 2), (1, 2), (3, 4))
    ... )
    >>> bool(np.all(first == again)), bool(np.all(first == other))
    (True, False)

    The middle of the left half, 1 to the right and 2 down, in the mirror:

    >>> mirror = keras_kd.teachers.Augmentation(
    ...     keras.layers.RandomFlip("horizontal"), labels="points"
    ... )
    >>> seen = [mirror(image, (1, n), [[2.0, 4.0]])[1][0] for n in range(9)]
    >>> sorted({round(float(x), 3) for x, y in seen})
    [2.0, 6.0]
    """

    def __init__(
        self,
        layers: keras.layers.Layer | Sequence[keras.layers.Layer],
        *,
        labels: Any = "infer",
        void: int = 0,
        box_format: str = "xyxy",
        outside: str = "refuse",
    ):
        if isinstance(layers, keras.layers.Layer):
            layers = [layers]
        if not isinstance(layers, list | tuple) or not layers:
            raise ValueError(
                "`layers` must be a layer or a list of at least one, since "
                "they are what changes the examples. Received: "
                f"layers={layers!r}."
            )
        for layer in layers:
            if not isinstance(layer, keras.layers.Layer):
                raise TypeError(
                    "`layers` must contain layers of `keras.layers`. Received: "
                    f"{layer!r} of type {type(layer).__name__}. For a function "
                    "of your own, give `augmentation=` the function itself: "
                    "`(x, seed)` to the changed `x`."
                )
        self.layers = list(layers)
        moving_layers.check(labels, void, outside)
        check_format(box_format)
        self.labels = labels
        self.void = void
        self.box_format = box_format
        self.outside = outside
        self._followers = self._made_followers()

    def _made_followers(self):
        """The layers with what follows them; `None` if labels do not."""
        if self.labels is None:
            return None
        found = moving_layers.obstacle(
            self.layers, moving_layers.kinds(self.labels)
        )
        if found is None:
            return moving_layers.followers(self.layers, self.void)
        if self.labels == "infer":
            return None
        raise ValueError(
            "`layers` must be some that labels can follow, since `labels` "
            f"declares them. Received: labels={self.labels!r}, and {found}. "
            "Leave that layer out, or set its attribute `keeps_positions` to "
            "True, if it leaves all pixels in place."
        )

    def kinds_of(self, x: Tensor, y: Any) -> Any:
        """Says what labels are; see `labels`.

        Args:
            x: One example, or what has its shape and dtype.
            y: Its labels likewise.
        """
        if self.labels != "infer":
            return self.labels
        shape = getattr(y, "shape", ())
        # Of unknown rank, it is not known to be one.
        shape = () if getattr(shape, "rank", 0) is None else tuple(shape)
        is_mask = (
            self._followers is not None
            and len(shape) > 1
            and shape in (tuple(x.shape[:2]), (*x.shape[:2], 1))
            and len(x.shape) == 3
            and None not in shape
            and keras.backend.is_int_dtype(y.dtype)
        )
        return "mask" if is_mask else None

    def __call__(
        self,
        x: Tensor,
        seed: Tensor,
        y: Any = None,
        sample_weight: Any = None,
    ) -> Any:
        """Augments one example, by its seed."""
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "The Keras backend must be tensorflow for an `Augmentation`, "
                "since it runs Keras's layers in the input pipeline, which is "
                "TensorFlow's. Received: "
                f"backend={keras.backend.backend()}. Give `augmentation=` a "
                "function of `(x, seed)` of your own, of TensorFlow's "
                "operations, such as `tf.image.stateless_random_flip_left_right"
                "`."
            )
        draws = _Draws(ops.convert_to_tensor(seed, "int32"))
        with contextlib.ExitStack() as hooks:
            for generator in self._generators():
                hooks.enter_context(hooked(generator, "next", draws))
            if y is None:
                for layer in self.layers:
                    x = _run(layer, x)
                return x
            return self._with_labels(draws, x, y, sample_weight)

    def _with_labels(self, draws, x, y, sample_weight):
        """The changed example with its labels; see `__call__`."""
        # It needs TensorFlow, which others need not have.
        from keras_kd.teachers._cache.moved_labels import MovedLabels

        convert = keras.tree.map_structure
        x, sample_weight = (
            convert(
                lambda t: t if t is None else ops.convert_to_tensor(t), part
            )
            for part in (x, sample_weight)
        )
        moved = MovedLabels(self, x, y, sample_weight)
        followed = self._followers or [(layer, None) for layer in self.layers]
        for layer, followers in followed:
            before = draws.count
            x = _run(layer, x)
            after = draws.count

            def again(follower, image, before=before):
                draws.count = before
                return _run(follower, image)

            if followers is not None:
                moved.follow(followers, again)
            draws.count = after
        y, weights = moved.results()
        return (x, y) if sample_weight is None else (x, y, weights)

    def _generators(self):
        """Generators of the layers, and of the layers in them."""
        found = {}
        for layer in self.layers:
            for inner in (layer, *taps.layers(layer).values()):
                for value in vars(inner).values():
                    if isinstance(value, keras.random.SeedGenerator):
                        found[id(value)] = value
        return list(found.values())

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        config = {"layers": [serialize(layer) for layer in self.layers]}
        # Caches of the time before labels have no more than that.
        told = {name: getattr(self, name) for name in _DEFAULTS}
        return config | {
            name: value
            for name, value in told.items()
            if value != _DEFAULTS[name]
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """Makes an augmentation from its config."""
        layers = [
            keras.saving.deserialize_keras_object(layer, custom_objects)
            for layer in config["layers"]
        ]
        return cls(**config | {"layers": layers})


def _run(layer, x):
    # Random layers do nothing outside of training.
    return tapped_model.run(layer, x, training=True)


class _Draws:
    """Fixed seeds in place of a generator's next ones."""

    def __init__(self, seed):
        self.seed = seed
        self.count = 0

    def __call__(self, generate, *args, **kwargs):
        self.count += 1
        # Brought into the range of int32, in which the sum then wraps.
        offset = (self.count * _STEP + 2**31) % 2**32 - 2**31
        return ops.stack([self.seed[0] + offset, self.seed[1]])
