"""Resumes an interrupted `fit`."""


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
