"""Compiles models as on a machine with one GPU: `scripts/test --xla`.

There, `jit_compile="auto"`, the default of `compile`, means XLA wherever a
model allows it and no strategy of `tf.distribute` is used. This makes Keras
believe in such a GPU; nothing is ever put on it.
"""

import tensorflow as tf


def pretend_one_gpu():
    """Adds a GPU to the list of all devices, by which Keras decides."""
    find = tf.config.list_physical_devices
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    tf.config.list_physical_devices = lambda device_type=None: (
        find(device_type) if device_type else [*find(), gpu]
    )
