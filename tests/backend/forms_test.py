"""Data of every form, where TensorFlow is not installed."""

import functools
import itertools
import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests.backend import processes

pytestmark = pytest.mark.slow

LABELS = ("labelled", "unlabelled", "weighted", "weights_alone")
CASES = [
    *itertools.product(processes.OTHERS, ("batches", "generator"), LABELS),
    # A DataLoader gives tensors of PyTorch, and no None.
    *itertools.product(["torch"], ["loader"], LABELS[:3]),
]


@functools.cache
def results(backend):
    """Arrays of the program, by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "found.npz"
        processes.run_well(backend, "-m", "tests.backend.forms", path)
        return dict(np.load(path))


class FormsTest(parameterized.TestCase):
    @parameterized.parameters(*CASES)
    def test_gives_the_numbers_of_arrays(self, backend, form, labels):
        processes.require(self, backend)
        found = results(backend)
        expected = f"{labels}/arrays/"
        keys = [key for key in found if key.startswith(expected)]
        self.assertNotEmpty(keys)
        for key in keys:
            np.testing.assert_allclose(
                found[key.replace("/arrays/", f"/{form}/")],
                found[key],
                rtol=1e-6,
                atol=1e-6,
                err_msg=key,
            )


if __name__ == "__main__":
    absltest.main()
