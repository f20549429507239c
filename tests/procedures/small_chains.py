"""Linear networks for tests of chains, and a step of their training."""

import keras
import numpy as np

from tests import reference
from tests import support

X, Y = support.data()
RATE = 0.5


def linear(name=None):
    """A network whose logits are `x @ kernel`."""
    head = keras.layers.Dense(3, use_bias=False)
    return keras.Sequential([keras.Input((4,)), head], name=name)


def kernel_of(network):
    """The weights of a linear network, in float64."""
    return np.float64(network.get_weights()[0])


def answers(kernel):
    """Probabilities at temperature 1."""
    return reference.softmax(np.float64(X) @ kernel)


def step(kernel, *targets):
    """A step down the sum of mean cross-entropies with some targets.

    The gradient of each by the logits is p - targets.
    """
    slope = sum(answers(kernel) - each for each in targets)
    return kernel - RATE * np.float64(X).T @ slope / len(X)


# One step of each stage, over all examples.
ONE_STEP = {
    "data": (X, Y),
    "epochs": 1,
    "batch_size": len(X),
    "verbose": 0,
}


def optimizer():
    return keras.optimizers.SGD(RATE)
