"""Logits that belong to the probabilities of a model."""

import keras
from keras import ops

from keras_kd import taps
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core.final_activations import are_distributions
from keras_kd._core.final_activations import scores_at
from keras_kd._core.teacher_protocol import check_stays

SOFTMAX = "softmax"
SIGMOID = "sigmoid"

# Of float32: its smallest normal number, and half of what is between 1 and the
# number below. Beyond both, a probability says no more than that it is small.
_SMALLEST = 2.0**-126
_SMALLEST_REST = 2.0**-25


def logits_of_probabilities(
    model: keras.Model, activation: str | None = None
) -> keras.Model:
    """Returns a model of the logits that belong to a model's probabilities.

    For a model whose softmax is no layer that can be left out, such as a
    SavedModel in `keras.layers.TFSMLayer`, or a `Lambda`. Where it is one,
    `teachers.logits` is more exact: a float32 softmax keeps logits down to 87
    below the highest, and a sigmoid those from -87 to 17.

    Args:
        model: A built `keras.Model` with one output of probabilities. It stays
            as it is; layers and weights are shared.
        activation: `"softmax"`, of classes, or `"sigmoid"`, of one unit or many
            labels. `None`, the default, finds out by random inputs.

    Returns:
        A Functional `keras.Model`, of `log(p)` for classes, whose softmax at
        temperature 1 is `p` again, and of `log(p / (1 - p))` for labels. Taps
        keep their names; those of a model without a graph of layers begin with
        its name.

    Raises:
        TypeError: If `model` is not a `keras.Model`.
        ValueError: If it is not built, has several outputs, or does not give
            probabilities; if `activation` is neither, or must be given, since
            no input can be made up.

    Example:

    >>> x = keras.Input((2,))
    >>> p = keras.ops.softmax(keras.layers.Dense(3)(x))
    >>> model = keras.Model(x, p)
    >>> teacher = keras_kd.teachers.logits_of_probabilities(model)
    >>> x = np.ones((1, 2))
    >>> bool(np.allclose(keras.ops.softmax(teacher(x)), model(x)))
    True
    """
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`model` must be a `keras.Model`. Received: "
            f"model={model!r} of type {type(model).__name__}. What is no Keras "
            "model teaches through `teachers.FunctionTeacher`."
        )
    if not model.built:
        raise ValueError(
            "`model` must be built, since its output is found by a call. "
            f'Received: model="{model.name}", built=False. Call it once on a '
            "batch, or give it an `Input` layer."
        )
    check_stays(model, "model", "a teacher in another is not updated")
    if activation not in (None, SOFTMAX, SIGMOID):
        raise ValueError(
            f'`activation` must be "{SOFTMAX}", "{SIGMOID}" or None, since '
            "logits are made of the probabilities of one of these. Received: "
            f"activation={activation!r}."
        )
    activation = activation or _find_activation(model)
    inputs, output = ends(model)
    layer = LogarithmOfOdds() if activation == SIGMOID else Logarithm()
    return keras.Model(inputs, layer(output), name=f"{model.name}_logits")


def _find_activation(model):
    """Finds the activation that makes the output, by random inputs."""
    tapped = tapped_model.TappedModel(model, [None])
    output, _ = tapped.symbolic()
    if keras.tree.is_nested(output) and len(keras.tree.flatten(output)) > 1:
        raise ValueError(
            "`model` must have one output, since it is to be logits. Received: "
            f'model="{model.name}" with several. Make a `keras.Model` of its '
            "input and one of them."
        )
    scores = scores_at(tapped, None)
    if scores is None:
        raise ValueError(
            "`activation` must be given, since no input can be made up that "
            f'shows it. Received: activation=None, and model="{model.name}" '
            f"with inputs of unknown size. Pass activation={SOFTMAX!r} or "
            f"{SIGMOID!r}."
        )
    if are_distributions(scores):
        return SOFTMAX
    if scores.min() < 0 or scores.max() > 1:
        raise ValueError(
            "`model` must give probabilities, of which the logarithm is taken. "
            f'Received: model="{model.name}", with outputs from '
            f"{scores.min():.3g} to {scores.max():.3g}. What gives logits can "
            "teach as it is."
        )
    return SIGMOID


def ends(model):
    """Symbolic input and output of a model with one output."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    if taps.is_functional(model):
        return model.input, keras.tree.flatten(model.output)[0]
    inputs = keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype),
        model_specs.input_spec(model),
    )
    return inputs, model(inputs)


@keras.saving.register_keras_serializable("keras_kd")
class Logarithm(keras.layers.Layer):
    """Logarithms of probabilities of classes, in float32."""

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.supports_masking = True

    def call(self, probabilities):
        return ops.log(ops.maximum(probabilities, _SMALLEST))


@keras.saving.register_keras_serializable("keras_kd")
class LogarithmOfOdds(Logarithm):
    """Logarithms of the odds of probabilities of labels."""

    def call(self, probabilities):
        rest = ops.maximum(1 - probabilities, _SMALLEST_REST)
        return super().call(probabilities) - ops.log(rest)
