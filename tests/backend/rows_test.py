"""Compares each loss, by itself, between backends and with float64 NumPy."""

import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import reference
from tests.backend import processes
from tests.backend.row_references import REFERENCES
from tests.conformance.loss_row import with_labels
from tests.conformance.loss_rows import NAMED_ROWS
from tests.conformance.loss_rows import ROWS

pytestmark = pytest.mark.slow


def slope(function, student, step=1e-5):
    """The gradient of the sum of a function, by central differences.

    Args:
        function: Of an array.
        student: The array.
        step: Difference of a number. Defaults to `1e-5`.
    """
    student = reference.float64(student)
    found = np.zeros(student.shape)
    for place in np.ndindex(student.shape):
        shift = np.zeros(student.shape)
        shift[place] = step
        difference = function(student + shift) - function(student - shift)
        found[place] = difference.sum() / (2 * step)
    return found


class RowsTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.found = {}
        for name in processes.installed():
            processes.run_well(name, "-m", "tests.backend.rows", folder)
            path = pathlib.Path(folder, f"{name}.npz")
            cls.found[name] = dict(np.load(path))

    def arrays(self, backend, row, part):
        processes.require(self, backend)
        found = self.found[backend]
        keys = [key for key in found if key.startswith(f"{row.name}/{part}/")]
        self.assertNotEmpty(keys)
        return [found[key] for key in keys]

    def assert_near(self, found, expected):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)

    @parameterized.product(
        backend=processes.OTHERS,
        row=ROWS,
        part=("values", "gradients", "last"),
    )
    def test_equals_tensorflow(self, backend, row, part):
        self.assert_near(
            self.arrays(backend, row, part),
            self.arrays("tensorflow", row, part),
        )

    @parameterized.product(backend=processes.BACKENDS, name=list(REFERENCES))
    def test_equals_the_formula_in_float64(self, backend, name):
        row = dict(NAMED_ROWS)[name]
        teacher, student = row.tensors()
        labels = None
        if row.call is with_labels:
            labels = np.argmax(teacher + student, axis=-1)

        def formula(student):
            return REFERENCES[name](reference.float64(teacher), student, labels)

        (values,) = self.arrays(backend, row, "values")
        by_student, *_ = self.arrays(backend, row, "gradients")
        self.assert_near([values], [formula(reference.float64(student))])
        self.assert_near([by_student], [slope(formula, student)])

    @parameterized.product(backend=processes.BACKENDS, row=ROWS)
    def test_saved_and_loaded_it_gives_the_same_values(self, backend, row):
        (kept,) = self.arrays(backend, row, "kept")
        (loaded,) = self.arrays(backend, row, "loaded")
        np.testing.assert_allclose(loaded, kept, rtol=1e-6)

    @parameterized.product(backend=processes.BACKENDS, row=ROWS)
    def test_moves_the_student(self, backend, row):
        first = self.arrays(backend, row, "first")
        last = self.arrays(backend, row, "last")
        moved = max(
            np.abs(a - b).max() for a, b in zip(first, last, strict=True)
        )
        self.assertGreater(moved, 1e-3)


if __name__ == "__main__":
    absltest.main()
