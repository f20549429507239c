"""Folds a bottleneck into the layer after it."""

import keras

# Meant for one factor, so wrong for the product.
_OF_A_FACTOR = ("kernel_constraint", "kernel_regularizer")


def fold_bottleneck(model: keras.Sequential) -> keras.Sequential:
    """Multiplies a bottleneck and the layer after it into one layer.

    For use after training: it shows that a `shallow_mimic` has one hidden
    layer. The new layer has `hidden * inputs` weights where the two had
    `bottleneck * (hidden + inputs)`, so it is smaller and faster only if the
    bottleneck is wide.

    Folded is each `keras.layers.Dense` without bias and activation that stands
    directly before another `Dense`; that one keeps its name, bias and
    activation. Several in a row become one. Only the layers of the
    `keras.Sequential` itself are looked at, not those of models within it, and
    neither quantised ones nor those with LoRA are folded.

    Reference: [Ba and Caruana, 2014](https://arxiv.org/abs/1312.6184),
    section 2.3.

    Args:
        model: A built `keras.Sequential`, such as `shallow_mimic` returns; it
            stays as it is.

    Returns:
        A new `keras.Sequential` with weights of its own and the same outputs,
        up to rounding.

    Raises:
        TypeError: If `model` is not a `keras.Sequential`.
        ValueError: If it is not built, or has no such pair of layers.

    Example:

    >>> model = keras_kd.models.shallow_mimic((9,), 2, 6, bottleneck=3)
    >>> folded = keras_kd.models.fold_bottleneck(model)
    >>> model.count_params(), folded.count_params()
    (65, 74)
    >>> x = np.ones((1, 9))
    >>> bool(np.allclose(model(x), folded(x), atol=1e-5))
    True
    """
    _check_model(model)
    folded, weights, factor = [], [], None
    followers = [*model.layers[1:], None]
    for layer, follower in zip(model.layers, followers, strict=True):
        if _is_factor(layer) and _is_plain(follower):
            factor = _product(factor, layer)
            continue
        config, values = layer.get_config(), layer.get_weights()
        if factor is not None:
            config |= dict.fromkeys(_OF_A_FACTOR)
            values[0] = _product(factor, layer).astype(values[0].dtype)
            factor = None
        folded.append(type(layer).from_config(config))
        weights.append(values)
    if len(folded) == len(model.layers):
        raise ValueError(
            "`model` must have a `Dense` without bias and activation directly "
            "before another `Dense`, since such a pair is what is folded. "
            f'Received: model="{model.name}" with the layers '
            f"{', '.join(layer.name for layer in model.layers)}. See "
            "`bottleneck` of `shallow_mimic`."
        )
    source = model.inputs[0]
    entrance = keras.Input(batch_shape=source.shape, dtype=source.dtype)
    result = keras.Sequential([entrance, *folded], name=model.name)
    for layer, values in zip(folded, weights, strict=True):
        layer.set_weights(values)
    return result


def _is_plain(layer):
    """Whether a layer multiplies by one kernel that is kept as it is."""
    return (
        type(layer) is keras.layers.Dense
        and not layer.lora_enabled
        and layer.quantization_mode is None
    )


def _is_factor(layer):
    """Whether a layer is a plain matrix."""
    return (
        _is_plain(layer)
        and not layer.use_bias
        and layer.activation is keras.activations.linear
    )


def _product(factor, layer):
    """Multiplies by a layer's kernel, in double precision."""
    kernel = keras.ops.convert_to_numpy(layer.kernel).astype("float64")
    return kernel if factor is None else factor @ kernel


def _check_model(model):
    if not isinstance(model, keras.Sequential):
        raise TypeError(
            "`model` must be a `keras.Sequential`, since its layers follow "
            f"one another. Received: model={model!r} of type "
            f"{type(model).__name__}."
        )
    if not model.built:
        raise ValueError(
            "`model` must be built, since its weights are multiplied. "
            f'Received: model="{model.name}", built=False. Call it once on a '
            "batch, or give it an `Input` layer."
        )
