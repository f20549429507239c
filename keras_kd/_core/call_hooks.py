"""Hooks into the functions of a layer, for the duration of a block."""

import contextlib
import functools
import threading

_lock = threading.Lock()
_replaced = {}
_hooks = threading.local()
_MISSING = object()


@contextlib.contextmanager
def hooked(layer, attribute, hook):
    """Calls a hook in place of a function of a layer, in this thread.

    Blocks may overlap in several threads, as they do under a strategy with
    replicas; each thread sees its own hooks only. Of several hooks in one
    thread, the first to enter is the outermost.

    Args:
        layer: A `keras.layers.Layer`.
        attribute: Name of the attribute that holds the function.
        hook: Called as `hook(function, *args, **kwargs)`, with the function
            and what it was called with. What it returns takes the place of
            the function's result.
    """
    key = (id(layer), attribute)
    _replace(layer, attribute, key)
    hooks = vars(_hooks).setdefault(key, [])
    hooks.append(hook)
    try:
        yield
    finally:
        hooks.pop()
        if not hooks:
            del vars(_hooks)[key]
        _restore(layer, attribute, key)


def _replace(layer, attribute, key):
    with _lock:
        count, before = _replaced.get(key, (0, None))
        if count == 0:
            before = vars(layer).get(attribute, _MISSING)
            function = _with_hooks(getattr(layer, attribute), key)
            # Keras's own `__setattr__` would track the value.
            object.__setattr__(layer, attribute, function)
        _replaced[key] = (count + 1, before)


def _restore(layer, attribute, key):
    with _lock:
        count, before = _replaced.pop(key)
        if count > 1:
            _replaced[key] = (count - 1, before)
        elif before is _MISSING:
            object.__delattr__(layer, attribute)
        else:
            object.__setattr__(layer, attribute, before)


def _with_hooks(function, key):
    """Wraps a function to call the hooks of the current thread."""

    @functools.wraps(function, updated=())
    def call(*args, **kwargs):
        wrapped = function
        for hook in reversed(vars(_hooks).get(key, ())):
            wrapped = functools.partial(hook, wrapped)
        return wrapped(*args, **kwargs)

    return call


@contextlib.contextmanager
def recording(layers, inputs_of=()):
    """Records the outputs and inputs of some layers while the block runs.

    The record belongs to this thread: replicas of a strategy are threads that
    take turns. Nothing of it outlives the trace it was made in.

    Args:
        layers: Layers whose output to record.
        inputs_of: Layers whose input to record. Defaults to none.

    Yields:
        Two dicts that fill with values by the `id` of the layer: outputs, in
        the order of the calls, where outer layers come before the layers in
        them; and first arguments. Of a layer that is called several times, the
        last call counts.
    """
    outputs, inputs = {}, {}

    def record_output(layer, call, *args, **kwargs):
        # The place is taken before layers inside this one take theirs.
        outputs.pop(id(layer), None)
        outputs[id(layer)] = None
        outputs[id(layer)] = call(*args, **kwargs)
        return outputs[id(layer)]

    def record_input(layer, call, *args, **kwargs):
        inputs[id(layer)] = next(iter((*args, *kwargs.values())), None)
        return call(*args, **kwargs)

    with contextlib.ExitStack() as hooks:
        for record, several in (
            (record_output, layers),
            (record_input, inputs_of),
        ):
            for layer in several:
                # A quantised layer runs another method than `call`.
                method = "quantized_call" if layer.quantization_mode else "call"
                hook = functools.partial(record, layer)
                hooks.enter_context(hooked(layer, method, hook))
        yield outputs, inputs
