"""Trains models from weights that are the same on every backend."""

import keras
import numpy as np

import keras_kd
from tests import support

EXAMPLES = 13
EPOCHS = 3


def set_random(variables, seed):
    """Gives variables random values that depend on the seed."""
    random = np.random.default_rng(seed)
    for variable in variables:
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
            set_random(model.weights, index)
    losses = getattr(distiller, "peer_losses", distiller.distillation_losses)
    set_random([v for loss in losses for v in loss.trainable_weights], 9)
    return distiller


def compiled(distiller, optimizer=None, metrics=True):
    settle(distiller)
    own = [keras_kd.metrics.TeacherAgreement()] if metrics else []
    distiller.compile(
        optimizer or keras.optimizers.SGD(0.05, momentum=0.9),
        loss=support.cross_entropy(),
        metrics=["accuracy", *own],
    )
    return distiller


def result(distiller, x, y, sample_weight=None, callbacks=None):
    """Weights, logs and predictions after training, a list of arrays."""
    history = distiller.fit(
        x,
        y,
        sample_weight=sample_weight,
        batch_size=5,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    ).history
    logs = distiller.evaluate(x, y, verbose=0, return_dict=True)
    return [
        *map(keras.ops.convert_to_numpy, distiller.weights),
        *(np.asarray(history[key]) for key in sorted(history)),
        *(np.asarray(logs[key]) for key in sorted(logs)),
        distiller.predict(x, verbose=0),
    ]


def vectors():
    random = np.random.default_rng(0)
    x = random.normal(size=(EXAMPLES, 4)).astype("float32")
    weights = random.random(EXAMPLES).astype("float32")
    return x, random.integers(0, 3, EXAMPLES), weights
