"""Latency of models for one image."""

import keras

from keras_kd import backend
from keras_kd._core import latency

BATCH = 1
ROUNDS = latency.ROUNDS


def in_turn(models, images):
    """Times models in turn, so that the load of the machine hits all alike.

    Each is compiled, as it would be for use, and called with a few images at a
    time until its answer is an array: `predict` would add Keras's own
    milliseconds, which hide a small model's time.

    Args:
        models: Keras models of one input.
        images: At least `BATCH` images.

    Returns:
        A `Latency` for each.
    """
    batch = keras.ops.convert_to_tensor(images[:BATCH])
    return latency.in_turn([_call(model, batch) for model in models])


def _call(model, batch):
    run = backend.compiled(
        lambda images: model(images, training=False), model.variables
    )
    # An array, since a device may return a tensor before it is computed.
    return lambda: keras.ops.convert_to_numpy(run(batch))
