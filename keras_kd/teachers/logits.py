"""The logits of a model that ends in softmax or sigmoid."""

import functools

import keras

from keras_kd import taps
from keras_kd._core import tapped_model
from keras_kd._core.final_activations import final_activations
from keras_kd._core.final_activations import skipping
from keras_kd._core.final_activations import sums_to_one
from keras_kd._core.teacher_protocol import check_stays


def logits(model: keras.Model) -> keras.Model:
    """Returns a model without the softmax or sigmoid at its end.

    Most models of `keras.applications` give probabilities, but soft targets
    need logits. The new model shares layers and weights with the old one,
    which stays as it is. Taps keep their names.

    Args:
        model: A built `keras.Model`. Each of its outputs that comes from a
            layer with softmax or sigmoid is changed.

    Returns:
        A `keras.Model`, Functional if `model` is Functional or Sequential;
        `model` itself if no output ends in softmax or sigmoid.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If it is not built, or gives probabilities that no layer
            makes at the end, such as of a `call` with its own `ops.softmax`:
            see `logits_of_probabilities`.

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
    check_stays(model, "model", "a teacher in another is not updated")
    stripped = LogitsModel(model)
    _check_gives_logits(stripped)
    ends = stripped.final_activations.layers
    if not ends:
        return model
    return _graph_without(model, ends, stripped.name) or stripped


def _graph_without(model, ends, name):
    """A Functional model of the same layers, without their activations.

    Args:
        model: A `keras.Model`.
        ends: Layers whose activation is left out, at any depth.
        name: Name of the new model.

    Returns:
        A `keras.Model`; `None` if the model has no graph, or a `call` of its
        own, which may do something else.
    """
    without = functools.partial(_layer_without, ends)
    if type(model).call is keras.Sequential.call:
        x = model.inputs[0]
        for layer in model.layers:
            x = without(layer)(x)
        return keras.Model(model.inputs[0], x, name=name)
    if not taps.is_functional(model):
        return None
    # Not compiled, as the copy would be.
    plain = keras.Model(model.input, model.output, name=name)
    if type(model).call is not type(plain).call:
        return None
    made = keras.models.clone_model(
        plain, input_tensors=plain.input, clone_function=without
    )
    made.dtype_policy = model.dtype_policy
    return made


def _layer_without(ends, layer):
    """A layer in the place of one that is, or has in it, one of the ends."""
    inside = {"": layer}
    if isinstance(layer, keras.layers.Layer):
        inside |= taps.layers(layer, in_loops=True)
    paths = [p for p, one in inside.items() if any(one is end for end in ends)]
    if not paths:
        return layer
    if isinstance(layer, keras.Model):
        made = _graph_without(layer, ends, layer.name)
        if made is not None:
            return made
    return LogitsLayer(layer, paths)


def _check_gives_logits(stripped):
    model, others = stripped.model, list(stripped.final_activations.others)
    tapped = tapped_model.TappedModel(
        stripped, tapped_model.output_names(model) or [None]
    )
    tapped.symbolic()
    for tap in tapped.taps:
        # What is still a softmax here is none of scores: see `others`.
        if tap not in tapped.probabilities and sums_to_one(tapped, tap):
            others.append(tap)
    if others:
        raise ValueError(
            "`model` must end in logits, or in a layer with a softmax or "
            "sigmoid that is used nowhere else, since only a layer can be "
            f'told to leave it out. Received: model="{model.name}", which '
            f"computes {others[0] or 'its output'} in another way. Use "
            "`keras_kd.teachers.logits_of_probabilities(model)`."
        )


@keras.saving.register_keras_serializable("keras_kd")
class LogitsLayer(keras.layers.Layer):
    """A layer without its softmax or sigmoid. See `logits`.

    Args:
        layer: The layer, which stays as it is.
        paths: Paths in it, as of taps, of the layers whose activation is left
            out; `""` is the layer itself. Defaults to that.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, layer, paths=("",), **kwargs):
        kwargs = {"name": layer.name, "dtype": layer.dtype_policy} | kwargs
        # The layer casts its input itself.
        super().__init__(autocast=False, **kwargs)
        self.layer = layer
        self.paths = list(paths)
        self.supports_masking = layer.supports_masking
        self.built = True

    @property
    def tapped_model(self):
        """The layer whose layers taps name: see `taps`."""
        return self.layer

    def call(self, inputs, *args, **kwargs):
        inside = {"": self.layer} | taps.layers(self.layer, in_loops=True)
        with skipping([inside[path] for path in self.paths]):
            return self.layer(inputs, *args, **kwargs)

    def compute_mask(self, inputs, previous_mask):
        return self.layer.compute_mask(inputs, previous_mask)

    def get_config(self):
        layer = keras.saving.serialize_keras_object(self.layer)
        return super().get_config() | {"layer": layer, "paths": self.paths}

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**config | {"layer": layer})

    def get_build_config(self):
        # The layer has its own.
        return None


@keras.saving.register_keras_serializable("keras_kd")
class LogitsModel(keras.Model):
    """A model without its final softmax or sigmoid. See `logits`."""

    def __init__(self, model, name=None, **kwargs):
        kwargs.setdefault("dtype", model.dtype_policy)
        # The model casts its input itself.
        kwargs.setdefault("autocast", False)
        super().__init__(name=name or f"{model.name}_logits", **kwargs)
        self.model = model
        # A plain object: Keras would track the layers once more.
        self.final_activations = final_activations(model)
        self.built = True

    @property
    def tapped_model(self):
        """The model whose layers taps name: see `taps`."""
        return self.model

    def call(self, x, training=None):
        with skipping(self.final_activations.layers):
            return tapped_model.run(self.model, x, training)

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
