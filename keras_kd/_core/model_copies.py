"""Copies a model, with new or equal weights."""


def fresh_copy(model):
    """A model of the same architecture with new weights.

    Args:
        model: A built `keras.Model`.
    """
    # Not `clone_model`, which copies the optimizer's state too.
    copy = type(model).from_config(model.get_config())
    if not copy.built:
        copy.build_from_config(model.get_build_config())
    return copy


def equal_copy(model):
    """A model of the same architecture with the same weights.

    Args:
        model: A built `keras.Model`.
    """
    copy = fresh_copy(model)
    copy.set_weights(model.get_weights())
    return copy
