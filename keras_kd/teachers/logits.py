"""The logits of a model that ends in softmax or sigmoid."""

import keras

from keras_kd._core import tapped_model
from keras_kd._core.final_activations import final_activations
from keras_kd._core.final_activations import skipping
from keras_kd._core.final_activations import sums_to_one


def logits(model: keras.Model) -> keras.Model:
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
        ValueError: If it is not built, or gives probabilities that no layer
            makes at the end, such as of a `call` with its own `ops.softmax`.

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
    stripped = LogitsModel(model)
    _check_gives_logits(stripped)
    return stripped if stripped.final_activations.layers else model


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
            f"computes {others[0] or 'its output'} in another way. Return "
            "logits instead."
        )


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
