"""Makes a specialist that begins as the generalist."""

import keras
import numpy as np


def collapse(logits, classes, dustbin_shift=0.0):
    """Scores of some classes and of all others together.

    Args:
        logits: `(examples, all classes)`.
        classes: Class numbers.
        dustbin_shift: Number that is added to the score of the others.
            Defaults to `0.0`: the softmax then adds up their probabilities.

    Returns:
        float32 `(examples, classes + 1)`, the others last.
    """
    from scipy import special

    logits = np.asarray(logits, "float64")
    others = np.delete(logits, classes, axis=-1)
    dustbin = special.logsumexp(others, axis=-1, keepdims=True) + dustbin_shift
    return np.concatenate([logits[:, list(classes)], dustbin], axis=-1).astype(
        "float32"
    )


def from_generalist(generalist, classes, logits, collapsed, weights):
    """Makes a model like the generalist, for some classes and a dustbin.

    All layers have its weights. In the last, the scores of the classes are as
    they were; that of the dustbin is the linear combination of all of the
    generalist's scores which is nearest to `collapsed`, by least squares: the
    logarithm of a sum, which it should be, is no linear function of features.

    Args:
        generalist: A Functional or Sequential model that ends in a Dense layer
            without activation.
        classes: Class numbers.
        logits: The generalist's, `(examples, all classes)`.
        collapsed: Wanted first outputs of the specialist, as `collapse` gives
            them for these examples.
        weights: How much each example counts, `(examples,)`.

    Returns:
        A `keras.Model` that gives `len(classes) + 1` logits, the dustbin's
        last.

    Raises:
        ValueError: If the generalist does not end so.
    """
    last = _last_layer(generalist)

    def clone(layer):
        config = layer.get_config()
        if layer is last:
            config |= {"units": len(classes) + 1, "use_bias": True}
        return type(layer).from_config(config)

    specialist = keras.models.clone_model(generalist, clone_function=clone)
    for old, new in zip(generalist.layers, specialist.layers, strict=True):
        if old is not last:
            new.set_weights(old.get_weights())
    factors, offset = _linear_fit(logits, collapsed[:, -1], weights)
    kernel, *bias = last.get_weights()
    bias = bias[0] if bias else np.zeros(kernel.shape[-1], kernel.dtype)
    specialist.layers[-1].set_weights(
        [
            np.column_stack([kernel[:, list(classes)], kernel @ factors]),
            np.append(bias[list(classes)], bias @ factors + offset),
        ]
    )
    if not specialist.trainable_weights:
        # The generalist was frozen, as teachers often are.
        specialist.trainable = True
    return specialist


def _last_layer(generalist):
    """The Dense layer whose output is the model's, or an error."""
    layers = getattr(generalist, "layers", [])
    outputs = getattr(generalist, "outputs", None) or []
    last = layers[-1] if layers else None
    if not (
        isinstance(last, keras.layers.Dense)
        and last.activation is keras.activations.linear
        # A layer that was called twice has no one output.
        and [id(o) for o in outputs] == [id(getattr(last, "output", None))]
    ):
        raise ValueError(
            "`build_specialist` must be given for this generalist, since only "
            "a Functional or Sequential model whose last layer is a Dense "
            "without activation can be copied with another number of outputs. "
            f'Received: generalist="{generalist.name}" of type '
            f"{type(generalist).__name__}, "
            f"last layer {getattr(last, 'name', None)!r}. Pass a function that "
            "takes the class numbers and returns a built model with one logit "
            "for each and one more, the last, for all other classes."
        )
    return last


def _linear_fit(logits, target, weights):
    """Weighted least squares of a number on logits.

    Args:
        logits: `(examples, classes)`.
        target: `(examples,)`.
        weights: `(examples,)`.

    Returns:
        `(factors, offset)`, of which `logits @ factors + offset` is nearest to
        the target.
    """
    logits, target = np.float64(logits), np.float64(target)
    weights = (weights / np.sum(weights))[:, np.newaxis]
    mean = np.sum(weights * logits, axis=0)
    target_mean = np.sum(weights[:, 0] * target)
    centred = logits - mean
    # The normal equations: one row per class, and not one per example.
    moments = centred.T @ (weights * centred)
    right = centred.T @ (weights[:, 0] * (target - target_mean))
    factors, *_ = np.linalg.lstsq(moments, right, rcond=1e-12)
    return factors, target_mean - mean @ factors
