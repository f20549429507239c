"""The logits of a model that ends in softmax or sigmoid."""

import contextlib
import threading

import keras

from keras_kd import passes
from keras_kd import taps
from keras_kd.patching import patched

_stripping = threading.local()


def logits(model):
    """Returns a model without the softmax or sigmoid at its end.

    Most models of `keras.applications` give probabilities, but soft targets
    need logits. The new model shares layers and weights with the old one,
    which stays as it is. Taps keep their names.

    Args:
        model: A built `keras.Model`. Each of its outputs that comes from a
            layer with softmax or sigmoid is changed.

    Returns:
        A `keras.Model`; `model` itself if no output ends in softmax or
        sigmoid.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If it is not built.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)),
    ...                           keras.layers.Dense(3, activation="softmax")])
    >>> x = np.ones((1, 2))
    >>> teacher = keras_kd.teachers.logits(model)
    >>> bool(np.allclose(keras.ops.softmax(teacher(x)), model(x)))
    True
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`model` must be a `keras.Model`. Received: "
            f"model={model!r} of type {type(model).__name__}."
        )
    if not model.built:
        raise ValueError(
            "`model` must be built, since its last layer is found by a call. "
            f'Received: model="{model.name}", built=False. Call it once on a '
            "batch, or give it an `Input` layer."
        )
    return LogitsModel(model) if final_activations(model) else model


@keras.saving.register_keras_serializable("keras_kd")
class LogitsModel(keras.Model):
    """A model without its final softmax or sigmoid. See `logits`."""

    def __init__(self, model, name=None, **kwargs):
        super().__init__(name=name or f"{model.name}_logits", **kwargs)
        self.model = model
        ends = final_activations(model)
        self._ends = [layer for layers in ends.values() for layer in layers]
        passes.symbolic(
            lambda x: self(x, training=False), passes.input_spec(model)
        )
        self.built = True

    @property
    def tapped_model(self):
        """The model whose layers taps name: see `taps`."""
        return self.model

    def call(self, x, training=None):
        with _stripped(self._ends):
            return passes.run(self.model, x, training)

    def get_config(self):
        model = keras.saving.serialize_keras_object(self.model)
        return {"model": model, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        return cls(**config | {"model": model})

    def get_build_config(self):
        # Built in the constructor, with the structure of the model's input.
        return None


def final_activations(model):
    """Finds what turns logits into probabilities at the end of a model.

    Args:
        model: A built `keras.Model`.

    Returns:
        A dict from the name of each output that ends in softmax or sigmoid
        (`None` for the only output of a model) to the layers that do it.
    """
    outputs = passes.output_names(model)
    suspects = [
        layer
        for layer in taps.layers(model).values()
        if _gives_probabilities(layer)
    ]
    found = {}

    def look(x):
        # Identity of tensors tells the last layer, whatever the nesting.
        with passes.recording(suspects) as recorded:
            result = passes.run(model, x, training=False)
        for name in outputs or (None,):
            tensor = passes.pick(result, outputs, name)
            ends = [s for s in suspects if recorded.get(id(s)) is tensor]
            if ends:
                found[name] = ends
        return result

    if suspects:
        passes.symbolic(look, passes.input_spec(model))
    return found


def _gives_probabilities(layer):
    return isinstance(layer, keras.layers.Softmax) or getattr(
        layer, "activation", None
    ) in (keras.activations.softmax, keras.activations.sigmoid)


@contextlib.contextmanager
def _stripped(layers):
    """Makes the activations of some layers do nothing, in this thread."""
    with contextlib.ExitStack() as patches:
        for layer in layers:
            is_softmax = isinstance(layer, keras.layers.Softmax)
            attribute = "call" if is_softmax else "activation"
            patches.enter_context(patched(layer, attribute, _skip))
        _stripping.depth = getattr(_stripping, "depth", 0) + 1
        try:
            yield
        finally:
            _stripping.depth -= 1


def _skip(activation):
    def skip_in_this_thread(x, *args, **kwargs):
        if getattr(_stripping, "depth", 0):
            return x
        return activation(x, *args, **kwargs)

    return skip_in_this_thread
