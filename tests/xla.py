"""Compiles models as on a machine with one GPU: `KERAS_KD_XLA=1 scripts/test`.

There, `jit_compile="auto"`, the default of `compile`, means XLA wherever a
model allows it and no strategy of `tf.distribute` is used. Importing this makes
Keras believe in such a GPU, if that variable is set; nothing is ever put on it.
"""

import os

import tensorflow as tf


def _pretend_one_gpu():
    """Adds a GPU to the list of all devices, by which Keras decides."""
    find = tf.config.list_physical_devices
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    tf.config.list_physical_devices = lambda device_type=None: (
        find(device_type) if device_type else [*find(), gpu]
    )


if os.environ.get("KERAS_KD_XLA"):
    _pretend_one_gpu()
