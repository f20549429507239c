"""Attribute of a loss that keeps its variable."""

from keras_kd.backend.neutral import untrack


class KeptVariable:
    """An attribute that takes a variable once, and nothing in its place.

    `loss.temperature = 2` would put a number there, which the compiled step
    would never see. Without `__get__`, it is read like any other attribute.
    """

    def __init__(self, name):
        self.name = name

    def __set__(self, loss, value):
        name = self.name
        if name in loss.hyperparameters and name in vars(loss):
            if value is not vars(loss)[name]:
                untrack(loss, value)
            raise AttributeError(
                f"`{name}` must be assigned with "
                f"`.{name}.assign(value)`, since it is a variable that the "
                f"compiled step reads. Received: {name}={value!r}."
            )
        vars(loss)[name] = value
