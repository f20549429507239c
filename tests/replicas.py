"""Two replicas on one machine, for tests of `tf.distribute`.

Importing this splits the CPU into two logical devices, which TensorFlow allows
only before it touches a device. pytest imports all test modules before it runs
one, so this works as long as no module makes a tensor when it is imported.
"""

import functools

import numpy as np
import tensorflow as tf

from tests import support


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


def assert_trained_alike(single, double, before, histories):
    """Checks that two replicas and one device trained to equal numbers.

    Args:
        single: Model that one device has trained.
        double: The same from two replicas.
        before: Values of the weights before.
        histories: What `fit` logged of each.
    """
    for variable, one, two, start in zip(
        single.weights,
        support.values(single.weights),
        support.values(double.weights),
        before,
        strict=True,
    ):
        np.testing.assert_allclose(
            two, one, rtol=1e-6, atol=1e-6, err_msg=variable.path
        )
        # Otherwise nothing was compared.
        assert not variable.trainable or np.any(one != start), variable.path
    assert sorted(histories[0]) == sorted(histories[1])
    for key, one in histories[0].items():
        np.testing.assert_allclose(
            histories[1][key], one, rtol=1e-6, atol=1e-6, err_msg=key
        )
