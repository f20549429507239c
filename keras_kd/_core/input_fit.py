"""Compares the input of a batch with what a model takes."""

import keras

from keras_kd import batch
from keras_kd._core import model_specs


def refuse_unfit(model, x, role, error):
    """Says whose input it was, if a model failed on one that does not fit.

    A model may take other shapes than it was built for, such as images of
    another size: whether it does is seen when it runs, and Keras's error names
    a layer, and neither the model nor the entries of `x`.

    Args:
        model: A built `keras.Model`.
        x: What it was called with.
        role: `"teacher"`, `"student"` or `"peer"`.
        error: What the call raised.

    Raises:
        ValueError: If `x` differs in structure or shapes from what the model
            was built for.
    """
    spec = model_specs.input_spec(model)
    if not fits(x, spec):
        raise ValueError(
            f"`x` must fit the {role}, since it is called with it. Received: "
            f"{batch.described(x)} for {role}={model.name!r}, which takes "
            f"{batch.described(spec)}. {_remedy(model, x, spec, role)}"
        ) from error


def fits(x, spec):
    """Whether an input is like the one that a model was built for."""
    if isinstance(x, dict) != isinstance(spec, dict):
        return False
    if isinstance(x, dict) and set(x) != set(spec):
        return False
    given, wanted = keras.tree.flatten(x), keras.tree.flatten(spec)
    return len(given) == len(wanted) and all(
        _shapes_fit(one.shape, other.shape)
        for one, other in zip(given, wanted, strict=True)
    )


def _shapes_fit(given, wanted):
    """Whether two shapes are equal but for the batch, as far as is known."""
    given, wanted = tuple(given), tuple(wanted)
    return len(given) == len(wanted) and all(
        None in pair or pair[0] == pair[1]
        for pair in zip(given[1:], wanted[1:], strict=True)
    )


def _remedy(model, x, spec, role):
    if not isinstance(x, dict) and getattr(model, "preprocessor", None):
        # A task of KerasHub.
        return (
            "Its preprocessor, which only its own `fit` applies, makes that of "
            f"texts: `data.map({role}.preprocessor)`."
        )
    if role == "peer":
        return "All peers see all of `x`: prepare it so."
    if isinstance(x, dict) and not isinstance(spec, dict):
        count = len(keras.tree.flatten(spec))
        names = list(x)[:count]
        chosen = names[0] if count == 1 else names
        return (
            f"Name the {role}'s entries with `{role}_inputs`, such as "
            f"{role}_inputs={chosen!r}."
        )
    if isinstance(x, dict) and set(spec) < set(x):
        return f"Pass {role}_inputs={list(spec)!r}."
    return (
        "Prepare `x` so; if teacher and student see different inputs, give "
        "`x` as a dict and name their entries with `teacher_inputs` and "
        "`student_inputs`."
    )
