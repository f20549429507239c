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
