"""Costs of a model in use: seconds for one example, bytes on a disk."""

import os
import tempfile

import keras

from keras_kd import backend
from keras_kd._core import latency
from keras_kd._core import model_weights

# Examples that a model is timed with.
BATCH = 1
ROUNDS = latency.ROUNDS


def in_turn(models, examples):
    """Times models in turn, so that the load of the machine hits all alike.

    Each is compiled, as it would be for use, and called with a few examples at
    a time until its answer is an array: `predict` would add Keras's own
    milliseconds, which hide a small model's time.

    Args:
        models: Keras models of the same input.
        examples: At least `BATCH` of them: an array, or a structure of arrays.

    Returns:
        A `Latency` for each.
    """
    batch = keras.tree.map_structure(
        lambda array: keras.ops.convert_to_tensor(array[:BATCH]), examples
    )
    return latency.in_turn([_call(model, batch) for model in models])


def _call(model, batch):
    run = backend.compiled(lambda x: model(x, training=False), model.variables)
    # Arrays, since a device may return a tensor before it is computed.
    return lambda: keras.tree.map_structure(
        keras.ops.convert_to_numpy, run(batch)
    )


def saved_bytes(model):
    """Bytes of the `.keras` file of a model, without an optimizer.

    Args:
        model: A built `keras.Model`; if it is compiled, one that can be made
            from its config.
    """
    if model.compiled:
        model = model_weights.fresh_copy(model)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        return os.path.getsize(path)
