"""Hooks into Keras that are the same on all backends."""


def wrapped_function(given):
    """Returns the function in a metric or loss, and its other arguments.

    Keras 3.15 has no public name for these, and a config has no more of a
    function than its name, which one of the user's functions may share.

    Args:
        given: A `keras.metrics.MeanMetricWrapper`, or a loss that Keras makes
            of a function.

    Returns:
        The function or `None`, and a dict.
    """
    attributes = vars(given)
    function = attributes.get("_fn") or attributes.get("fn")
    return function, attributes.get("_fn_kwargs") or {}


def untrack(layer, variable):
    """Makes a layer forget a variable that it shall not have.

    Keras 3.15 tracks what is assigned to an attribute before a class can refuse
    it, and has no public way back.

    Args:
        layer: A `keras.layers.Layer`.
        variable: Anything; what is not tracked is left alone.
    """
    layer._tracker.untrack(variable)


def set_initial_epoch(model, epoch):
    """Sets the first epoch of the next `fit`.

    Keras 3.15 keeps it in `_initial_epoch`, and never takes it back: the next
    `fit` of the same model would leave out as many epochs. There is no public
    way to do so.

    Args:
        model: A `keras.Model`.
        epoch: The epoch, or `None` for the first.
    """
    model._initial_epoch = epoch
