"""Finds and skips the softmax or sigmoid at the end of a model."""

import contextlib
import dataclasses

import keras
import numpy as np

from keras_kd import backend
from keras_kd import taps
from keras_kd._core import ensemble_logits
from keras_kd._core import model_specs
from keras_kd._core import tapped_model
from keras_kd._core.call_hooks import hooked


@dataclasses.dataclass(frozen=True)
class FinalActivations:
    """Softmaxes and sigmoids at the end of a model.

    Attributes:
        layers: Layers whose softmax or sigmoid makes an output, and nothing
            else.
        others: Names of outputs that are made by a softmax or sigmoid
            otherwise than by such a layer; `None` for the only output. Those
            that the model uses in other ways, such as attention, do not count.
    """

    layers: list
    others: list


def final_activations(model):
    """Finds softmaxes and sigmoids at the end of a model.

    Args:
        model: A built `keras.Model`.

    Returns:
        A `FinalActivations`.
    """
    found = []

    def look(x):
        calls = []
        with _watching(model, calls):
            result = tapped_model.run(model, x, training=False)
        names = tapped_model.names_of_outputs(result, model)
        outputs = {
            name: tapped_model.pick(result, names, name)
            for name in names or [None]
        }
        found.append(_sort(outputs, calls))
        return result

    model_specs.symbolic(look, model_specs.input_spec(model))
    return found[-1]


def _sort(outputs, calls):
    """Separates layers that only make outputs from all others."""
    used = backend.ancestors(outputs.values())
    ends = {
        name: backend.origins(output)
        for name, output in outputs.items()
        if backend.is_probability(output)
        and used.isdisjoint(backend.origins(output))
    }
    at_end = set().union(*ends.values())
    layers = {id(layer): layer for layer, _ in calls}
    for layer, result in calls:
        if not backend.origins(result) <= at_end:
            layers.pop(id(layer), None)
    made = set().union(
        *(
            backend.origins(result)
            for layer, result in calls
            if id(layer) in layers
        )
    )
    others = [name for name, origins in ends.items() if not origins <= made]
    return FinalActivations(list(layers.values()), others)


def _watching(model, calls):
    """Notes `(layer, result)` whenever a layer calls its activation."""

    def note(layer):
        def call_and_note(function, *args, **kwargs):
            result = function(*args, **kwargs)
            calls.append((layer, result))
            return result

        return call_and_note

    hooks = contextlib.ExitStack()
    for layer in taps.layers(model, in_loops=True).values():
        attribute = _activation(layer)
        if attribute is not None:
            hooks.enter_context(hooked(layer, attribute, note(layer)))
    return hooks


def _activation(layer):
    """Name of the attribute with a layer's activation, or None."""
    if isinstance(layer, keras.layers.Softmax):
        return "call"
    # Not the properties of recurrent layers, which belong to their cells.
    return "activation" if callable(vars(layer).get("activation")) else None


def skipping(layers):
    """Makes the activations of some layers do nothing in a block.

    Args:
        layers: As `final_activations` finds them.

    Returns:
        A context manager, for the thread that enters it.
    """
    hooks = contextlib.ExitStack()
    for layer in layers:
        hooks.enter_context(hooked(layer, _activation(layer), _skip))
    return hooks


def _skip(function, x, *args, **kwargs):
    return x


def gives_probabilities(tapped, tap):
    """Whether a tap gives probabilities, however they are made.

    Args:
        tapped: A `tapped_model.TappedModel`.
        tap: Name of one of its taps, which gives one tensor.
    """
    return tap in tapped.probabilities or sums_to_one(tapped, tap)


def sums_to_one(tapped, tap):
    """Whether the values at a tap look like a softmax, on random inputs.

    Args:
        tapped: A `tapped_model.TappedModel`.
        tap: Name of one of its taps, which gives one tensor.

    Returns:
        A bool; False, without a pass, if the graph shows that the tap has
        other numbers, or if no inputs of the right shape can be made up.
    """
    return tap in tapped.undecided and are_distributions(scores_at(tapped, tap))


def are_distributions(scores):
    """Whether scores are at least 0 and sum to 1 over several classes.

    Args:
        scores: What `scores_at` returned.
    """
    return (
        scores is not None
        and scores.shape[-1] > 1
        and scores.min() >= 0
        and bool(np.allclose(scores.sum(axis=-1), 1, atol=1e-2))
    )


def scores_at(tapped, tap):
    """Scores at a tap for random inputs.

    Args:
        tapped: A `tapped_model.TappedModel`.
        tap: Name of one of its taps, which gives one tensor.

    Returns:
        float32 array `(2, ..., classes)`; `None` if no inputs of the right
        shape can be made up.
    """
    spec = model_specs.input_spec(tapped.model)
    inputs = keras.tree.flatten(spec)
    if any(
        None in tensor.shape[1:] or tensor.dtype == "string"
        for tensor in inputs
    ):
        return None
    random = np.random.default_rng(0)
    x = keras.tree.map_structure(
        lambda t: random.random((t.shape[0] or 2, *t.shape[1:])).astype(
            t.dtype
        ),
        spec,
    )
    # The state of a layer must stay as it is.
    with keras.StatelessScope():
        _, tensors = tapped(x, training=False)
    scores = ensemble_logits.scores(tensors[tap])
    return keras.ops.convert_to_numpy(scores).astype("float32")
