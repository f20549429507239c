"""What only the models of this library have."""


def distiller_attribute(callback, model, name):
    """An attribute that only a Distiller has, or a refusal of the model."""
    if not hasattr(model, name):
        raise TypeError(
            f"`{type(callback).__name__}` must be used with a "
            "`keras_kd.Distiller`, since other models have no "
            f"`{name}`. Received: {type(model).__name__} "
            f'"{getattr(model, "name", model)}".'
        )
    return getattr(model, name)
