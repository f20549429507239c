"""Looks up an attribute of a Distiller."""


def distiller_attribute(callback, model, name):
    """Returns an attribute of a Distiller; validates the model."""
    if not hasattr(model, name):
        raise TypeError(
            f"`{type(callback).__name__}` must be used with a "
            "`keras_kd.Distiller`, since other models have no "
            f"`{name}`. Received: {type(model).__name__} "
            f'"{getattr(model, "name", model)}".'
        )
    return getattr(model, name)
