"""Models whose gradients are known without a framework."""

import keras
import numpy as np

from tests import reference


def linear(kernel, bias=None, shape=None):
    """Logits `x @ kernel + bias`, of images of a shape if one is given."""
    kernel = np.asarray(kernel, "float32")
    layers = [keras.Input(shape or kernel.shape[:1])]
    if shape:
        layers.append(keras.layers.Flatten())
    model = keras.Sequential([*layers, keras.layers.Dense(kernel.shape[1])])
    bias = np.zeros(kernel.shape[1]) if bias is None else np.asarray(bias)
    model.set_weights([kernel, bias.astype("float32")])
    return model


def random_kernel(features=12, classes=4, scale=3.0, seed=0):
    """A float32 kernel and bias."""
    random = np.random.default_rng(seed)
    kernel = random.normal(size=(features, classes), scale=scale)
    return kernel.astype("float32"), random.normal(size=classes)


def images(count=20, features=12, seed=1):
    """Values in [0, 1], some of them on the bounds."""
    random = np.random.default_rng(seed)
    x = random.uniform(-0.2, 1.2, (count, features))
    return np.clip(x, 0, 1).astype("float32")


def logits(x, kernel, bias=0.0):
    """Logits of the linear model in float64."""
    return np.float64(x) @ np.float64(kernel) + bias


def softmax_jacobian(x, kernel, bias=0.0, temperature=1.0):
    """Derivatives of `softmax(logits / T)` by one `x`, `(classes, features)`.

    dp_j/dx = p_j (w_j - sum_k p_k w_k) / T.
    """
    kernel = np.float64(kernel)
    p = reference.softmax(logits(x, kernel, bias), temperature)
    return p[:, None] * (kernel - (kernel @ p)[:, None]).T / temperature
