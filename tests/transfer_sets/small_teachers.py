"""Small teachers, and data of which they know something."""

import functools

import keras
import numpy as np

from keras_kd import transfer_sets
from tests import support

CONTENTS = (
    ("top", transfer_sets.TopLayer()),
    ("all", transfer_sets.AllLayers()),
    ("deviations", transfer_sets.AllLayers(max_covariance_units=4)),
    ("spectral", transfer_sets.SpectralAllLayers(0.5, 8)),
    ("pairs", transfer_sets.SpectralLayerPairs(0.5, 8)),
)


def net(*sizes, seed=0, name="teacher"):
    """A net of ReLUs with random weights and biases."""
    keras.utils.set_random_seed(seed)
    *hidden, classes = sizes[1:]
    layers = [keras.layers.Dense(n, activation="relu") for n in hidden]
    layers = [keras.Input((sizes[0],)), *layers, keras.layers.Dense(classes)]
    model = keras.Sequential(layers, name=name)
    random = np.random.default_rng(seed)
    for layer in model.layers:
        kernel, bias = support.values(layer.weights)
        bias = random.normal(size=bias.shape)
        layer.set_weights([kernel, bias])
    return model


def clusters(count=90, features=6, classes=3, seed=0):
    """Vectors around a centre for each class, far from each other."""
    random = np.random.default_rng(seed)
    y = np.arange(count) % classes
    centres = 3 * np.eye(classes, features)
    x = centres[y] + random.normal(scale=0.3, size=(count, features))
    return x.astype("float32"), y


@functools.cache
def trained_weights():
    model = net(6, 8, 8, 3)
    model.compile(keras.optimizers.Adam(0.02), support.cross_entropy())
    model.fit(*clusters(), epochs=30, batch_size=30, verbose=0)
    return model.get_weights()


def trained():
    """A teacher that knows the clusters."""
    weights = trained_weights()
    model = net(6, 8, 8, 3)
    model.set_weights(weights)
    return model


def records(teacher, content=None, data=None):
    return transfer_sets.activation_records(
        teacher=teacher, data=data or clusters(), content=content
    )


def make(teacher, records, **changed):
    """Reconstructs a few inputs of each class."""
    return transfer_sets.reconstruct(
        **{
            "teacher": teacher,
            "records": records,
            "images_per_class": 6,
            "batch_size": 4,
            "steps": 150,
            "verbose": 0,
        }
        | changed
    )
