"""Sets weights to values that are the same on every backend."""

import keras
import numpy as np


def set_weights(layer, seed):
    """Gives what training changes random values that depend on the seed."""
    random = np.random.default_rng(seed)
    for variable in layer.weights:
        value = random.normal(size=tuple(variable.shape)) * 0.3
        if variable.path.endswith(("gamma", "moving_variance")):
            value = 1 + np.abs(value)
        variable.assign(value.astype("float32"))


def settle(distiller):
    """Sets all weights but the hyperparameters of the losses."""
    models = getattr(distiller, "peers", None)
    if models is None:
        models = [distiller.student, distiller.teacher]
    for index, model in enumerate(models):
        if isinstance(model, keras.Model):
            set_weights(model, index)
    losses = getattr(distiller, "peer_losses", distiller.distillation_losses)
    random = np.random.default_rng(9)
    for loss in losses:
        settle_loss(loss, random)
    return distiller


def settle_loss(loss, random):
    """Sets what a loss trains, and what it drew and keeps.

    Args:
        loss: A built loss.
        random: A NumPy generator.
    """
    for variable in loss.weights:
        if variable.trainable or len(variable.shape) > 1:
            variable.assign(random.normal(size=tuple(variable.shape)) * 0.3)
