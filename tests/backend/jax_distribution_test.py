"""`keras.distribution.DataParallel` on JAX, over two virtual devices.

One process trains everything, and the tests compare.
"""

import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests.backend import devices
from tests.backend import processes

pytestmark = pytest.mark.slow

UNEVEN = (
    r"`x` must come in batches that the 2 devices of the distribution divide, "
    r"since .* Received: a batch of {}\. Choose another `batch_size`; .*"
    r"`drop_remainder=True`"
)


@pytest.mark.skipif(
    "jax" not in processes.installed(), reason="jax is not installed."
)
class DataParallelTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        path = pathlib.Path(folder) / "found.npz"
        processes.run_well(
            "jax",
            "-m",
            "tests.backend.devices",
            path,
            XLA_FLAGS="--xla_force_host_platform_device_count=2",
        )
        cls.found = dict(np.load(path))

    @parameterized.parameters(*devices.TRAININGS, "teacher")
    def test_two_devices_train_as_one(self, training):
        keys = [k for k in self.found if k.startswith(f"one/{training}/")]
        self.assertNotEmpty(keys)
        for key in keys:
            np.testing.assert_allclose(
                self.found[key.replace("one/", "two/", 1)],
                self.found[key],
                rtol=1e-6,
                atol=1e-6,
                err_msg=key,
            )

    @parameterized.parameters(
        ("arrays", 1),
        ("size", 3),
        ("validation", 9),
        ("batches", 3),
        ("evaluate", 9),
        ("predict", 9),
        ("on_batch", 9),
    )
    def test_refuses_a_batch_that_the_devices_do_not_divide(self, place, size):
        found = str(self.found[f"refused/{place}"])
        self.assertRegex(found, UNEVEN.format(size))

    def test_refuses_a_student_that_was_made_before(self):
        self.assertRegex(
            str(self.found["refused/student"]),
            r'Received: student="outside", made in another.* on JAX after '
            r"`keras\.distribution\.set_distribution",
        )


if __name__ == "__main__":
    absltest.main()
