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

# Odd, and without small multiples near 2**32: seeds of the draws of one
# example do not meet those of another.
_STEP = -1640531527


@keras.saving.register_keras_serializable("keras_kd")
class Augmentation:
    """Keras's own preprocessing layers, with a given seed for each example.

    The layers draw from generators that advance with each call, so their draws
    cannot be repeated. Here all draws follow from the seed: a cache that stores
    it can show the student the pixels that the teacher saw. The layers
    themselves are not changed.

    Labels are not augmented. Where they belong to places, as masks and boxes
    do, a cache raises for layers that move pixels, and for unknown layers: one
    of your own that leaves pixels in place has an attribute
    `keeps_positions = True`, and so does a function in place of this.

    Args:
        layers: One layer of `keras.layers`, such as `RandomFlip`, or a list of
            layers, applied in order. They must take their random numbers from
            a `keras.random.SeedGenerator` of their own, as those of Keras do.

    Call arguments:
        x: One example, not batched: a tensor.
        seed: Two int32 numbers.

    Raises:
        TypeError: If something else than layers is given.
        ValueError: If there is no layer.
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
    """

    def __init__(
        self, layers: keras.layers.Layer | Sequence[keras.layers.Layer]
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

    def __call__(self, x: Tensor, seed: Tensor) -> Tensor:
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
            for layer in self.layers:
                # Random layers do nothing outside of training.
                x = tapped_model.run(layer, x, training=True)
        return x

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
        return {"layers": [serialize(layer) for layer in self.layers]}

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """Makes an augmentation from its config."""
        return cls(
            [
                keras.saving.deserialize_keras_object(layer, custom_objects)
                for layer in config["layers"]
            ]
        )


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
