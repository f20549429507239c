"""Keeps a model as it is while it runs."""

import contextlib
import warnings
import weakref

from keras_kd import backend

# Models with a warning so far; a pass may be traced many times.
_warned = weakref.WeakSet()


@contextlib.contextmanager
def unchanged(model):
    """Keeps the weights of a model as they are while the block runs it.

    A model may assign its own variables in inference mode, such as batch
    normalisation that is called with `training=True`: such changes are dropped,
    with one warning. Seeds advance, so that a random model draws other numbers
    the next time.

    Args:
        model: A `keras.Model`.
    """
    with backend.read_only() as scope:
        yield
    weights = {id(variable) for variable in model.weights}
    for variable, value in backend.assigned(scope, model.variables):
        if id(variable) in weights:
            _warn_once(model, variable)
        else:
            variable.assign(value)


def _warn_once(model, variable):
    if model not in _warned:
        _warned.add(model)
        warnings.warn(
            f'"{model.name}" changes its own weights when it is called with '
            f"training=False, such as {variable.path}. The changes are "
            "dropped: a teacher stays as it is.",
            stacklevel=2,
        )
