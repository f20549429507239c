"""Two replicas on one machine, for tests of `tf.distribute`.

Importing this splits the CPU into two logical devices, which TensorFlow allows
only before it touches a device. pytest imports all test modules before it runs
one, so this works as long as no module makes a tensor when it is imported.
"""

import functools

import tensorflow as tf


def _split_cpu():
    """Returns whether TensorFlow has two logical CPUs, or will have them."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
    try:
        tf.config.set_logical_device_configuration(cpu, two)
    except RuntimeError:
        return len(tf.config.list_logical_devices("CPU")) >= 2
    return True


HAS_TWO_CPUS = _split_cpu()


@functools.cache
def two_replicas():
    """The process's `tf.distribute.MirroredStrategy` with two replicas.

    One for all tests: the collective operations of a second would take the
    keys of the first.

    Raises:
        RuntimeError: If TensorFlow had touched a device before the import.
    """
    if not HAS_TWO_CPUS:
        raise RuntimeError(
            "`tests.replicas` must be imported before TensorFlow touches a "
            "device, since the CPU cannot be split afterwards. Import it at "
            "the top of the test module, and make no tensor while a test "
            "module is imported."
        )
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
