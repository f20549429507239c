"""Names of places in a model, whose outputs one pass reads.

A tap is the path of a layer, `"layer"` or `"submodel/layer"` for a layer of a
nested model, or the name of one of several outputs. Neither the model nor its
layers are edited or rebuilt, so a tap reaches any layer of Functional,
Sequential, subclassed and nested models. In a subclassed model, a step of the
path is the attribute that holds the layer (`"encoder"`, `"blocks/0"`) or the
layer's name.

With `:input` behind it, `"layer:input"`, the tap is what the layer was called
with: of `keras.layers.ReLU(name="relu_3")`, `"relu_3:input"` is what comes
before the activation. A layer that has weights and an activation in one, such
as `Dense(8, activation="relu")`, must be split for that.

A tap gives what the layer returned in that pass; of a layer that is called
several times, what it returned last. Layers that a recurrent layer or
`TimeDistributed` calls in each step of a loop are no taps: the loop itself is.
"""

import difflib
from collections.abc import Sequence

import keras

from keras_kd import backend

__all__ = ["names"]

# Behind a path: what the layer is called with, not what it returns.
INPUT = ":input"

# Their layers run once per step: no call gives the whole output.
_LOOPS = (keras.layers.RNN, keras.layers.TimeDistributed)
_MAY_HOLD_LAYERS = (keras.layers.Layer, dict, list, tuple)


def names(model: keras.Model) -> list[str]:
    """Lists the paths of all layers that can be tapped.

    Each is a tap, and also with `:input` behind it: see above.

    Args:
        model: A built `keras.Model`.

    Returns:
        List of strings, in the order of the layers; outer layers come before
        the layers in them.

    Example:

    >>> block = keras.Sequential([keras.Input((4,)),
    ...                           keras.layers.Dense(3, name="inner")],
    ...                          name="block")
    >>> model = keras.Sequential([keras.Input((4,)), block,
    ...                           keras.layers.Dense(2, name="head")])
    >>> keras_kd.taps.names(model)
    ['block', 'block/inner', 'head']
    """
    _check(model)
    return list(layers(model))


def _check(model, path=""):
    """Validates a model and a path, for what is called from outside."""
    if not isinstance(model, keras.layers.Layer):
        raise TypeError(
            "`model` must be a built `keras.Model`, whose layers are the taps. "
            f"Received: model={model!r} of type {type(model).__name__}."
        )
    if not isinstance(path, str):
        raise TypeError(
            "`path` must be a string, the names of layers with `/` between "
            f"them. Received: path={path!r}. See `taps.names(model)`."
        )


def layers(
    model: keras.layers.Layer, in_loops: bool = False
) -> dict[str, keras.layers.Layer]:
    """All layers by their paths.

    Args:
        model: A built `keras.Model`.
        in_loops: Whether to list, besides the taps, the layers that are
            called in each step of a loop. Defaults to `False`.
    """
    found = {}
    _collect(found, model, "", (), in_loops)
    return found


def _collect(found, layer, prefix, ancestors, in_loops):
    """Adds the layers below a layer by their paths; `ancestors` cuts cycles."""
    if any(layer is ancestor for ancestor in ancestors):
        return
    if isinstance(layer, _LOOPS) and not in_loops:
        return
    seen = set()
    for name, child in children(layer).items():
        # In a subclassed model one layer has two names: list the first.
        if id(child) not in seen and not isinstance(
            child, keras.layers.InputLayer
        ):
            seen.add(id(child))
            path = f"{prefix}{name}"
            found[path] = child
            _collect(found, child, f"{path}/", (*ancestors, layer), in_loops)


def children(layer: keras.layers.Layer) -> dict[str, keras.layers.Layer]:
    """Layers directly inside a layer, by the names that lead to them."""
    layer = unwrapped(layer)
    if isinstance(layer, keras.Model) and (
        isinstance(layer, keras.Sequential) or is_functional(layer)
    ):
        return {child.name: child for child in layer.layers}
    by_attribute = {}
    others = []
    for attribute, value in backend.attributes(layer).items():
        if attribute.startswith("_"):
            # Keras lists all layers inside a layer in one of these.
            others += value if isinstance(value, list) else [value]
        elif isinstance(value, _MAY_HOLD_LAYERS):
            for steps, child in _layers_in(value):
                by_attribute["/".join([attribute, *steps])] = child
    by_name = {}
    for child in [*others, *by_attribute.values()]:
        if isinstance(child, keras.layers.Layer):
            by_name.setdefault(child.name, child)
    return by_attribute | {
        name: child
        for name, child in by_name.items()
        if name not in by_attribute
    }


def unwrapped(model: keras.Model) -> keras.Model:
    """Returns the model or layer whose layers are tapped, without wrappers."""
    while hasattr(model, "tapped_model"):
        model = model.tapped_model
    return model


def is_functional(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a model with a graph of layers."""
    # `keras.Model(inputs, outputs)` is of a class without a public name.
    return isinstance(layer, keras.Model) and hasattr(layer, "operations")


def _layers_in(value):
    """Layers in an attribute, with the keys that lead to each."""
    if isinstance(value, keras.layers.Layer):
        return [((), value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        ((str(key), *steps), layer)
        for key, entry in items
        if isinstance(entry, _MAY_HOLD_LAYERS)
        for steps, layer in _layers_in(entry)
    ]


def find(model: keras.Model, path: str) -> keras.layers.Layer | None:
    """Returns the layer at a path, or None."""
    _check(model, path)
    return trail(model, path).get(path)


def loop_in(layers: dict[str, keras.layers.Layer], path: str) -> str | None:
    """Path of the layer that calls the one at `path` in a loop, or None.

    Args:
        layers: As `trail` gives them.
        path: Path of the innermost.
    """
    for outer, layer in layers.items():
        if outer != path and isinstance(layer, _LOOPS):
            return outer
    return None


def trail(model: keras.Model, path: str) -> dict[str, keras.layers.Layer]:
    """The layer at a path and those around it, by path; {} if there is none."""
    for name, child in children(model).items():
        if path == name:
            return {name: child}
        if path.startswith(f"{name}/"):
            inner = trail(child, path[len(name) + 1 :])
            if inner:
                return {name: child} | {
                    f"{name}/{steps}": layer for steps, layer in inner.items()
                }
    return {}


def unknown_tap(
    model: keras.Model,
    outputs: Sequence[str],
    tap: str,
    role: str,
    argument: str,
) -> str:
    """The sentence for a tap that does not exist.

    Args:
        model: A `keras.Model`.
        outputs: Names of its outputs.
        tap: The name that was not found.
        role: What to call the model.
        argument: The caller's argument.
    """
    known = [*outputs, *names(model)]
    if not known:
        return (
            f"`{argument}` must name an output of the {role} "
            f'"{model.name}", since it has no layers of Keras. Received: '
            f"{argument}={tap!r}. Let it return a dict of tensors, whose names "
            "are taps."
        )
    near = difflib.get_close_matches(str(tap), known, n=5, cutoff=0.4)
    shown = near or known[:5]
    rest = len(known) - len(shown)
    more = f" (and {rest} more; see `taps.names(model)`)" if rest else ""
    label = "The nearest are" if near else "Its taps are"
    return (
        f"`{argument}` must name a layer or an output of the {role} "
        f'"{model.name}". Received: {argument}={tap!r}. '
        f"{label}: {', '.join(shown)}{more}."
    )
