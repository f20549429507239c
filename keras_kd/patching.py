"""Replaces an attribute of a layer for the duration of a block."""

import contextlib
import threading

_lock = threading.Lock()
_active = {}
_MISSING = object()


@contextlib.contextmanager
def patched(layer, attribute, wrap):
    """Replaces `layer.attribute` by `wrap(layer.attribute)` in a block.

    Blocks may overlap in several threads, as they do under a strategy with
    replicas: the first to enter replaces, the last to leave restores. So every
    `wrap` for the same attribute must be interchangeable, and tell by thread
    whether it is meant.

    Args:
        layer: A `keras.layers.Layer`.
        attribute: Name of the attribute.
        wrap: Function from the old value to the new one.
    """
    key = (id(layer), attribute)
    with _lock:
        count, before = _active.get(key, (0, None))
        if count == 0:
            before = vars(layer).get(attribute, _MISSING)
            # Keras's own `__setattr__` would track the value.
            object.__setattr__(
                layer, attribute, wrap(getattr(layer, attribute))
            )
        _active[key] = (count + 1, before)
    try:
        yield
    finally:
        with _lock:
            count, before = _active.pop(key)
            if count > 1:
                _active[key] = (count - 1, before)
            elif before is _MISSING:
                object.__delattr__(layer, attribute)
            else:
                object.__setattr__(layer, attribute, before)
