"""Numbers that hold on every backend, and runs that are equal bit by bit."""

import functools
import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import reference
from tests.backend import exact
from tests.backend import processes
from tests.backend import trainings

pytestmark = pytest.mark.slow

X = np.c_[trainings.vectors()[0], np.ones(trainings.EXAMPLES)]
CHANGES = ("nothing", "set_weights", "load_weights", "training")
# Bits of a significand; of float32, those that are left after some sums.
BITS = {"float32": 20, "half": 11}


@functools.cache
def results(backend):
    """What both programs found on a backend."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for what in exact.PARTS:
            command = ("-m", "tests.backend.exact", what, folder)
            processes.run_well(backend, *command)
            found |= np.load(pathlib.Path(folder) / f"{what}.npz")
        return found


def logits(weights):
    """Of a linear model, whose bias is the last row of its weights."""
    return X @ reference.float64(weights)


class ExactTest(parameterized.TestCase):
    def found(self, backend, part):
        """Arrays of a part, by their names in it."""
        processes.require(self, backend)
        prefix = f"{part}/"
        return {
            key.removeprefix(prefix): array
            for key, array in results(backend).items()
            if key.startswith(prefix)
        }

    @parameterized.product(
        backend=processes.BACKENDS, policy=list(exact.POLICIES)
    )
    def test_one_step_is_that_of_the_formula(self, backend, policy):
        found = self.found(backend, f"precision/{policy}")
        teacher, student = logits(found["teacher"]), logits(found["before"])
        values = reference.soft_targets(teacher, student, exact.TEMPERATURE)
        gradient = reference.soft_targets_gradient(
            teacher, student, exact.TEMPERATURE
        )
        update = exact.RATE * X.T @ gradient / len(X)

        # Rounded at each of some operations; 8 bits are those of bfloat16.
        rounding = 8 * 2.0 ** -BITS.get(policy, 8)
        np.testing.assert_allclose(
            found["before"] - found["after"],
            update,
            rtol=0,
            atol=rounding * np.abs(update).max(),
        )
        np.testing.assert_allclose(found["loss"], values.mean(), rtol=rounding)

    @parameterized.product(backend=processes.BACKENDS, change=CHANGES)
    def test_sees_the_weights_that_the_teacher_got(self, backend, change):
        found = self.found(backend, f"renewed/{change}")
        values = reference.soft_targets(
            logits(found["teacher"]),
            logits(found["student"]),
            exact.TEMPERATURE,
        )
        expected = np.full(2, values.mean())
        np.testing.assert_allclose(found["losses"], expected, rtol=1e-5)

    @parameterized.parameters(*processes.BACKENDS)
    def test_each_way_to_train_gives_the_same(self, backend):
        found = self.found(backend, "alike")
        expected = {k: a for k, a in found.items() if k.startswith("fit/")}
        for key, array in found.items():
            as_fit = expected[f"fit/{key.split('/')[1]}"]
            np.testing.assert_allclose(
                array, as_fit, rtol=1e-5, atol=1e-6, err_msg=key
            )

    @parameterized.parameters(*processes.BACKENDS)
    def test_a_run_in_two_processes_is_that_of_one(self, backend):
        found = self.found(backend, "resumed")
        expected = self.found(backend, "uninterrupted")
        self.assertNotEmpty(expected)
        self.assertEqual(found.keys(), expected.keys())
        for key, array in expected.items():
            np.testing.assert_array_equal(found[key], array, err_msg=key)


if __name__ == "__main__":
    absltest.main()
