"""Runs a model once, and reads taps on the way."""

import contextlib
import inspect
import threading

import keras

from keras_kd import taps
from keras_kd.patching import patched

_passes = threading.local()


@contextlib.contextmanager
def recording(layers):
    """Records what each of some layers returns while the block runs.

    The record belongs to this thread: replicas of a strategy are threads that
    take turns. Nothing of it outlives the trace it was made in.

    Args:
        layers: Layers to watch.

    Yields:
        A dict that fills with `id(layer)`: output.
    """
    outputs = {}
    stack = _passes.__dict__.setdefault("stack", [])
    with contextlib.ExitStack() as patches:
        for layer in layers:
            # A quantised layer runs another method than `call`.
            method = "quantized_call" if layer.quantization_mode else "call"
            patches.enter_context(patched(layer, method, _recorder(layer)))
        stack.append((outputs, {id(layer) for layer in layers}))
        try:
            yield outputs
        finally:
            stack.pop()


def _recorder(layer):
    def wrap(call):
        def call_and_record(*args, **kwargs):
            value = call(*args, **kwargs)
            for outputs, watched in getattr(_passes, "stack", ()):
                if id(layer) in watched:
                    outputs[id(layer)] = value
            return value

        return call_and_record

    return wrap


class TappedModel:
    """A model that returns chosen taps along with its output.

    Args:
        model: A built `keras.Model`.
        names: Names of taps; `None` stands for the output.
        role: What to call the model in errors: `"teacher"` or `"student"`.

    Raises:
        ValueError: If a tap does not exist.
    """

    def __init__(self, model, names, role="model"):
        self.model = model
        self.role = role
        self.outputs = output_names(model)
        self.layers = {
            tap: self._layer(tap)
            for tap in names
            if tap is not None and tap not in self.outputs
        }
        self.taps = tuple(dict.fromkeys(names))

    def _layer(self, tap):
        layer = taps.find(self.model, tap) if tap else None
        if layer is None:
            raise ValueError(
                taps.unknown_tap(self.model, self.outputs, tap, self.role)
            )
        return layer

    def __call__(self, x, training):
        """Runs the model once.

        Args:
            x: Its input.
            training: Whether it is in training mode.

        Returns:
            `(output, tensors)`: the model's own output, and a dict from the
            name of each tap to its tensor.
        """
        with recording(self.layers.values()) as recorded:
            output = run(self.model, x, training)
        return output, {
            tap: self._read(tap, output, recorded) for tap in self.taps
        }

    def _read(self, tap, output, recorded):
        if tap in self.layers:
            key = id(self.layers[tap])
            if key not in recorded:
                raise ValueError(
                    f"The tap {tap!r} must be called by the {self.role} "
                    f'"{self.model.name}" in each pass, but it was not. '
                    "Tap a layer that takes part in the output."
                )
            return recorded[key]
        return pick(output, self.outputs, tap)

    def symbolic(self):
        """The result of a call, with `KerasTensor`s that show the shapes."""
        return symbolic(
            lambda x: self(x, training=False), input_spec(self.model)
        )


def run(model, x, training):
    """Calls a model, in training mode or not, if it knows the difference."""
    parameters = inspect.signature(model.call).parameters
    if "training" in parameters or any(
        p.kind is p.VAR_KEYWORD for p in parameters.values()
    ):
        return model(x, training=training)
    return model(x)


def pick(output, names, name):
    """One of several outputs.

    Args:
        output: What a model returned.
        names: Its `output_names`.
        name: One of them, or `None` for the whole.
    """
    if name is None:
        return output
    return output[name if isinstance(output, dict) else names.index(name)]


def output_names(model):
    """Names of the outputs of a model that has several, else `()`."""
    model = taps.unwrapped(model)
    if isinstance(model, keras.Sequential):
        return ()
    if taps.is_functional(model):
        output = model.output
    else:
        output = symbolic(
            lambda x: run(model, x, training=False), input_spec(model)
        )
    if isinstance(output, dict):
        return tuple(output)
    if not isinstance(output, list | tuple) or len(output) < 2:
        return ()
    given = tuple(getattr(model, "output_names", None) or ())
    if len(given) == len(output):
        return given
    return tuple(f"output_{index}" for index in range(len(output)))


def symbolic(function, spec):
    """Shapes and dtypes of what a function of a model's input returns."""

    class Pass(keras.layers.Layer):
        # A Functional model that is called on KerasTensors answers from its
        # graph and calls no layer: inside another layer it does.
        def call(self, x):
            return function(x)

    return Pass(name="pass", dtype="float32", autocast=False)(spec)


def input_spec(model):
    """The input of a built model, as `KerasTensor`s of any batch size."""
    model = taps.unwrapped(model)
    if isinstance(model, keras.Sequential):
        return _tensors_of(model.inputs[0].shape, model.inputs[0].dtype)
    if taps.is_functional(model):
        return keras.tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), model.input
        )
    config = model.get_build_config() or {}
    shapes = config.get("input_shape", config.get("shapes_dict"))
    return _tensors_of(shapes)


def _tensors_of(shapes, dtype="float32"):
    """Turns a structure of shapes into one of tensors."""
    if isinstance(shapes, dict):
        return {name: _tensors_of(shape) for name, shape in shapes.items()}
    if shapes and not all(n is None or isinstance(n, int) for n in shapes):
        return [_tensors_of(shape) for shape in shapes]
    # Keras notes the batch size of the first call, which means nothing.
    return keras.KerasTensor((None, *shapes[1:]), dtype)
