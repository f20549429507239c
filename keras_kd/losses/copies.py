"""Copies of a loss, for further pairs of models."""

import threading

_copying = threading.local()


def new_of(loss):
    """Another loss of the same config, with weights of its own.

    Args:
        loss: A `DistillationLoss`, built or not.

    Returns:
        A loss that is not built yet.
    """
    return type(loss).from_config(loss.get_config())


def copy_of(loss):
    """Another loss of the same config, to compare another pair of models.

    Args:
        loss: A `DistillationLoss`.

    Returns:
        A loss that is not built yet and has weights of its own, but for the
        hyperparameters: those are the variables of the first, so that a
        schedule drives both.
    """
    _copying.original = loss
    try:
        return new_of(loss)
    finally:
        _copying.original = None


def shared_hyperparameter(loss, name):
    """Finds the variable that a copy shares with its original.

    Args:
        loss: A loss that is being made.
        name: Name of a hyperparameter.
    """
    original = getattr(_copying, "original", None)
    if type(original) is type(loss) and name in original.hyperparameters:
        return getattr(original, name)
    return None
