"""Compares trainings with callbacks between backends."""

import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests.backend import callback_trainings
from tests.backend import processes

pytestmark = pytest.mark.slow


class CallbackTrainingsTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.found = {}
        for name in processes.installed():
            processes.run_well(
                name, "-m", "tests.backend.callback_trainings", folder
            )
            path = pathlib.Path(folder, f"{name}.npz")
            cls.found[name] = dict(np.load(path))

    def arrays(self, backend, training):
        processes.require(self, backend)
        return [
            array
            for key, array in self.found[backend].items()
            if key.startswith(f"{training}/")
        ]

    @parameterized.product(
        backend=processes.OTHERS, training=list(callback_trainings.TRAININGS)
    )
    def test_trains_to_the_weights_of_tensorflow(self, backend, training):
        found = self.arrays(backend, training)
        expected = self.arrays("tensorflow", training)
        self.assertNotEmpty(expected)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)

    @parameterized.parameters(*processes.BACKENDS)
    def test_goes_on_as_if_it_had_not_been_interrupted(self, backend):
        # Predictions are the last of what a training gives.
        np.testing.assert_allclose(
            self.arrays(backend, "resumed")[-1],
            self.arrays(backend, "small")[-1],
            rtol=1e-6,
        )

    @parameterized.parameters(*processes.BACKENDS)
    def test_a_schedule_matters(self, backend):
        difference = np.abs(
            self.arrays(backend, "annealed")[-1]
            - self.arrays(backend, "small")[-1]
        )
        self.assertGreater(difference.max(), 1e-2)


if __name__ == "__main__":
    absltest.main()
