"""Runs a model once, and returns its taps."""

import contextlib
import functools
import inspect

import keras

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import ensemble_logits
from keras_kd._core import model_specs
from keras_kd._core import reduction
from keras_kd._core.call_hooks import hooked


@contextlib.contextmanager
def recording(layers):
    """Records the outputs of some layers while the block runs.

    The record belongs to this thread: replicas of a strategy are threads that
    take turns. Nothing of it outlives the trace it was made in.

    Args:
        layers: Layers to watch.

    Yields:
        A dict that fills with `id(layer)`: output.
    """
    outputs = {}

    def record(layer, call, *args, **kwargs):
        outputs[id(layer)] = call(*args, **kwargs)
        return outputs[id(layer)]

    with contextlib.ExitStack() as hooks:
        for layer in layers:
            # A quantised layer runs another method than `call`.
            method = "quantized_call" if layer.quantization_mode else "call"
            hook = functools.partial(record, layer)
            hooks.enter_context(hooked(layer, method, hook))
        yield outputs


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
        self.probabilities = ()
        self.masked = ()
        self.ending_in_probabilities = ()
        self.mask_shapes = None
        self._symbolic = None

    def _layer(self, tap):
        layer = taps.find(self.model, tap) if tap else None
        if layer is None:
            raise ValueError(
                taps.unknown_tap(self.model, self.outputs, tap, self.role)
            )
        loop = taps.loop_around(self.model, tap)
        if loop is not None:
            raise self._refusal(
                tap,
                f'be called once in a pass, but "{loop}" calls it in each step',
                f'Tap "{loop}" itself.',
            )
        return layer

    def _refusal(self, tap, rule, remedy):
        return ValueError(
            f"The tap {tap!r} of the {self.role} must {rule}. Received: "
            f'{self.role}="{self.model.name}", {self.role}_tap={tap!r}. '
            f"{remedy}"
        )

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
        if tap not in self.layers:
            return pick(output, self.outputs, tap)
        if id(self.layers[tap]) not in recorded:
            raise self._refusal(
                tap,
                "be called in each pass, but it was not",
                "Tap a layer that takes part in the output.",
            )
        tensor = recorded[id(self.layers[tap])]
        if keras.tree.is_nested(tensor):
            raise self._refusal(
                tap,
                f"return one tensor, but it returned a "
                f"{type(tensor).__name__} of {len(tensor)}",
                "Tap a layer that takes part of it, or one before.",
            )
        if not backend.is_in_reach(tensor, keras.tree.flatten(output)[0]):
            raise self._refusal(
                tap,
                "be called outside of loops and conditions, since its value "
                "does not leave them",
                "Tap the layer that has the loop.",
            )
        return tensor

    def symbolic(self):
        """The result of a call, with `KerasTensor`s that show the shapes.

        Afterwards, `probabilities` lists the taps that are made by a softmax
        or a sigmoid, `ending_in_probabilities` such outputs, and `masked` the
        outputs that have a Keras mask, with `None` for the only one;
        `mask_shapes` has the shapes of masks for one example, in a list for the
        tensors of the output and a dict by tap.
        """
        if self._symbolic is None:
            self._symbolic = model_specs.symbolic(
                self._look, model_specs.input_spec(self.model)
            )
        return self._symbolic

    def _look(self, x):
        output, tensors = self(x, training=False)
        scores = {
            name: ensemble_logits.scores(pick(output, self.outputs, name))
            for name in self.outputs or (None,)
        }
        self.masked = tuple(n for n, t in scores.items() if _mask_shape(t))
        self.ending_in_probabilities = tuple(
            n for n, t in scores.items() if _is_probability(t)
        )
        self.mask_shapes = (
            [_mask_shape(tensor) for tensor in keras.tree.flatten(output)],
            {tap: _mask_shape(tensor) for tap, tensor in tensors.items()},
        )
        self.probabilities = tuple(
            tap
            for tap, tensor in tensors.items()
            if _is_probability(ensemble_logits.scores(tensor))
        )
        return output, tensors


def _is_probability(tensor):
    return not keras.tree.is_nested(tensor) and backend.is_probability(tensor)


def _mask_shape(tensor):
    """Shape of a tensor's Keras mask for one example, `None` if it has none."""
    if tensor is None or keras.tree.is_nested(tensor):
        return None
    mask = reduction.read_mask(tensor)
    return None if mask is None else tuple(mask.shape[1:])


def run(model, x, training):
    """Calls a model, with `training` if its `call` takes that argument."""
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
        name: One of them, or `None` for the only one.
    """
    if name is None:
        tensors = [t for t in keras.tree.flatten(output) if t is not None]
        return tensors[0] if len(tensors) == 1 else output
    return output[name if isinstance(output, dict) else names.index(name)]


def output_names(model):
    """Names of the outputs of a model: keys, or made up where several.

    A model that returns one tensor has `()`.
    """
    model = taps.unwrapped(model)
    if isinstance(model, keras.Sequential):
        return _names_of(model.outputs, model)
    if taps.is_functional(model):
        return _names_of(model.output, model)
    found = []

    def look(x):
        output = run(model, x, training=False)
        found.append(_names_of(output, model))
        return output

    model_specs.symbolic(look, model_specs.input_spec(model))
    return found[-1]


def _names_of(output, model):
    if ensemble_logits.is_members(output):
        return ()
    if isinstance(output, dict):
        return tuple(key for key, value in output.items() if value is not None)
    if not isinstance(output, list | tuple) or len(output) < 2:
        return ()
    given = tuple(getattr(model, "output_names", None) or ())
    # A layer called twice may give two outputs of one name.
    if len(set(given)) == len(output):
        return given
    return tuple(f"output_{index}" for index in range(len(output)))
