"""Linear networks for tests of chains, and a step of their training."""

import keras
import numpy as np
import tensorflow as tf

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


def gains(train):
    """What teaching adds to the accuracy of linear students, for three seeds.

    The labels of 60 examples are drawn from the probabilities of a teacher
    that knows the truth: who sees those learns from 60 answers, and who sees a
    label each from as many guesses. Both make 60 steps over all examples.

    Args:
        train: Trains a student by `teacher`, `student`, `data` and
            `batch_size`.

    Returns:
        The student's accuracy on new examples less that of one that learns
        alone, from the same first weights, for each seed.
    """
    found = []
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        random = np.random.default_rng(seed)
        teacher, student, alone = linear(), linear(), linear()
        alone.set_weights(student.get_weights())
        x = random.normal(size=(2060, 4)).astype("float32")
        logits = np.float64(x) @ kernel_of(teacher)
        # Gumbel noise draws a class with its probability.
        drawn = (logits + random.gumbel(size=logits.shape)).argmax(-1)
        data = tf.data.Dataset.from_tensors((x[:60], drawn[:60])).repeat(60)
        alone.compile(optimizer(), support.cross_entropy())
        alone.fit(data, verbose=0)
        train(teacher=teacher, student=student, data=data, batch_size=None)
        before, after = (
            np.mean(
                (np.float64(x[60:]) @ kernel_of(model)).argmax(-1)
                == logits[60:].argmax(-1)
            )
            for model in (alone, student)
        )
        found.append(after - before)
    return found
