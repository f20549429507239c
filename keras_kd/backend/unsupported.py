"""Placeholders for a backend without a training step."""

import keras


def _refuse(*args, **kwargs):
    raise RuntimeError(
        "The Keras backend must be tensorflow, since keras_kd has no training "
        f"step for others yet. Received: backend={keras.backend.backend()}. "
        "Set the environment variable KERAS_BACKEND=tensorflow before Keras "
        "is imported."
    )


class Trainer:
    """Stands in for the training step: making an object of it fails."""

    def __init__(self, *args, **kwargs):
        _refuse()


def check_finite(tensor, message, allows_minus_infinity=False):
    """Returns the tensor: metrics work without a check, and nothing trains."""
    return tensor


FirstBatch = _refuse
all_sum = _refuse
ancestors = _refuse
compiled = _refuse
copy_weight_decay_exclusions = _refuse
input_gradients = _refuse
is_in_reach = _refuse
is_in_scope = _refuse
is_probability = _refuse
is_scope_name = _refuse
is_tracing = _refuse
num_replicas = _refuse
origins = _refuse
replica_id = _refuse
gather_ints = _refuse
