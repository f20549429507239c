"""A Distiller of single layers, whose steps can be written down."""

import keras

import keras_kd
from tests import reference
from tests import support

RATE = 0.5
TEMPERATURE = 2.0


def linear(outputs=3, shape=(4,), seed=0):
    """A single layer, whose gradient can be written down."""
    initializer = keras.initializers.RandomNormal(seed=seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Dense(outputs, kernel_initializer=initializer),
        ]
    )


def step(distiller, x, y, **kwargs):
    """Changes of kernel and bias in one update, and the logs."""
    before = support.values(distiller.student.weights)
    logs = distiller.fit(
        x, y, batch_size=len(x), shuffle=False, verbose=0, **kwargs
    ).history
    after = support.values(distiller.student.weights)
    change = [b - a for a, b in zip(before, after, strict=True)]
    return change, {key: values[0] for key, values in logs.items()}


def make(loss, metrics=None, losses=None, shape=(4,), outputs=3, **kwargs):
    distiller = keras_kd.Distiller(
        teacher=linear(outputs, shape, seed=1),
        student=linear(outputs, shape, seed=2),
        distillation_losses=losses or keras_kd.losses.SoftTargets(TEMPERATURE),
        **kwargs,
    )
    distiller.compile(keras.optimizers.SGD(RATE), loss, metrics=metrics)
    return distiller


def logits(distiller, x):
    return [
        reference.float64(model(x).numpy())
        for model in (distiller.teacher, distiller.student)
    ]
