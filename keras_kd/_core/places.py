"""Places in a model that a loss names: one tap, or several."""

import dataclasses

import keras

from keras_kd import backend
from keras_kd import taps

# They keep the mask of a sequence from the layers inside.
_ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)


@dataclasses.dataclass(frozen=True)
class Place:
    """A layer at a tap.

    Attributes:
        path: Path of the layer.
        layer: The layer, or `None` if there is none at the path.
        is_input: Whether the tap is what the layer is called with, and not
            what it returns.
        loop: Path of the layer that calls it in a loop, or `None`.
        attention: The attention layer around it whose queries, keys, values or
            output it makes, position by position, or `None`.
    """

    path: str
    layer: keras.layers.Layer | None
    is_input: bool
    loop: str | None
    attention: keras.layers.Layer | None


def find(model, tap):
    """The `Place` at a tap.

    Args:
        model: A built `keras.Model`.
        tap: Path of a layer, or that and `taps.INPUT`.
    """
    path, layers = tap, taps.trail(model, tap)
    if not layers:
        path = tap.removesuffix(taps.INPUT)
        layers = taps.trail(model, path)
    loop = taps.loop_in(layers, path)
    layer, attention = layers.get(path), None
    if isinstance(layer, keras.layers.EinsumDense):
        around = [v for v in layers.values() if isinstance(v, _ATTENTION)]
        attention = around[-1] if around else None
    return Place(path, layer, path != tap, loop, attention)


def step(model, path):
    """The first layer on the way of a path, and the rest of the path.

    Args:
        model: A built `keras.Model`.
        path: Path of a layer that `taps.find` finds.
    """
    for name, layer in taps.children(model).items():
        if path == name or path.startswith(f"{name}/"):
            return layer, path[len(name) + 1 :]
    raise KeyError(path)


def fused_activation(layer):
    """Name of the activation that a layer with weights ends in, or `None`."""
    activation = backend.attributes(layer).get("activation")
    is_none = activation in (None, keras.activations.linear)
    if is_none or not callable(activation) or not layer.weights:
        return None
    return getattr(activation, "__name__", type(activation).__name__)


def each(tap):
    """The taps at a place, a tuple.

    Args:
        tap: Name of a tap, `None` for the output, or a tuple of these.
    """
    return tap if isinstance(tap, tuple) else (tap,)


def named(losses, argument):
    """Taps that losses name, each in a pair with the loss, a list.

    Args:
        losses: Distillation losses.
        argument: `"teacher_tap"` or `"student_tap"`.
    """
    return [
        (tap, loss) for loss in losses for tap in each(getattr(loss, argument))
    ]


def of_logits(loss, argument):
    """The taps at which a loss reads logits, a tuple.

    Args:
        loss: A `DistillationLoss`.
        argument: `"teacher_tap"` or `"student_tap"`.
    """
    taps, expects = each(getattr(loss, argument)), loss.expects_logits
    if not isinstance(expects, tuple):
        return taps if expects else ()
    # `build` finds that they are not as many.
    return tuple(t for t, is_so in zip(taps, expects, strict=False) if is_so)


def used(losses, argument):
    """All taps that losses name, each once, a list in their order.

    Args:
        losses: Distillation losses.
        argument: `"teacher_tap"` or `"student_tap"`.
    """
    return list(dict.fromkeys(tap for tap, _ in named(losses, argument)))


def at(tap, found):
    """The find at a place; of several taps, a tuple.

    Args:
        tap: See `each`.
        found: Dict by tap.
    """
    return map_each(found.__getitem__, tap)


def map_each(function, value):
    """A function of the value at a place; of several taps, of each value.

    Args:
        function: Of one value.
        value: What `at` returned.
    """
    return (
        tuple(map(function, value))
        if isinstance(value, tuple)
        else (function(value))
    )


def shown(tap):
    """Words for the taps of a place that is not only the output."""
    names = ", ".join(
        "the output" if one is None else f'"{one}"' for one in each(tap)
    )
    return f"layers {names}" if isinstance(tap, tuple) else f"layer {names}"
