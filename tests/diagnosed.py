"""Data, a teacher that knows them, and the sentences of `Diagnostics`."""

import keras
import numpy as np

from keras_kd import callbacks
from tests import support

CLASSES = 3


def data(count=48):
    """Vectors whose largest entry is the label, in a random order."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(count) % CLASSES)
    x = np.eye(4)[labels] + 0.1 * rng.normal(size=(count, 4))
    return x.astype("float32"), labels


def knowing(order=(0, 1, 2), features=4, name="teacher"):
    """A teacher whose logits are ten times entries of its input."""
    inputs = keras.Input((features,))
    dense = keras.layers.Dense(CLASSES, name="head")
    model = keras.Model(inputs, dense(inputs), name=name)
    kernel = np.zeros((features, CLASSES))
    kernel[list(order), range(CLASSES)] = 10.0
    dense.set_weights([kernel, np.zeros(CLASSES)])
    return model


def said(distiller, loss="labels", **options):
    """Sentences of a training, run without a graph."""
    heard = []
    with support.eagerly():
        distiller.compile(
            keras.optimizers.SGD(0.01),
            support.cross_entropy() if loss == "labels" else loss,
        )
        distiller.fit(
            *data(),
            batch_size=48,
            verbose=0,
            callbacks=[callbacks.Diagnostics(say=heard.append, **options)],
        )
    return heard


def about(words, sentences):
    return [sentence for sentence in sentences if words in sentence]
