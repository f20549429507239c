"""Two replicas give the numbers of one device, whatever a loss is served."""

import contextlib

import keras
import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import mechanisms
from tests import support
from tests.replicas import two_replicas

pytestmark = pytest.mark.slow


class ServedReplicasTest(parameterized.TestCase):
    @parameterized.parameters(
        "several_taps", "head", "queue", "updated_teacher"
    )
    def test_equal_one_device(self, name):
        x, y = support.data(7)
        weights = np.array([1.0, 0.0, 2.0, 1.0, 0.5, 1.0, 3.0])
        found = []
        for scope in (contextlib.nullcontext(), two_replicas().scope()):
            keras.utils.set_random_seed(0)
            with scope:
                distiller = mechanisms.distiller(name)
                distiller.compile(
                    keras.optimizers.SGD(0.05), loss=support.cross_entropy()
                )
            first = support.values(distiller.weights)
            # By 4: 2 + 2 and 2 + 1.
            distiller.fit(
                x,
                y,
                sample_weight=weights,
                batch_size=4,
                epochs=2,
                shuffle=False,
                verbose=0,
            )
            every = [*distiller.weights, *distiller.teacher.weights]
            found.append(support.values(every))
            moved = support.largest_difference(first, found[-1][: len(first)])
            self.assertGreater(moved, 1e-4)
            for variable in every:
                copies = getattr(variable.value, "values", (variable.value,))
                for copy in copies:
                    np.testing.assert_array_equal(copy, copies[0])
        self.assertLess(support.largest_difference(*found), 1e-6)

    def test_draw_other_numbers_on_each(self):
        keras.utils.set_random_seed(0)
        with two_replicas().scope():
            distiller = mechanisms.distiller("masks")
            distiller.compile(keras.optimizers.SGD(0.0))
        # The same example on both, whose mean is none of the 8 draws.
        x = np.ones((2, 4), "float32")
        gap = np.subtract(distiller.teacher(x), distiller.student(x))[0] ** 2
        found = [
            distiller.fit(x, batch_size=2, verbose=0).history["loss"][0]
            for _ in range(12)
        ]
        of_one = [np.mean(gap * m) for m in np.ndindex(2, 2, 2)]
        is_of_one = [
            np.min(np.abs(np.subtract(of_one, f))) < 1e-6 for f in found
        ]
        self.assertFalse(all(is_of_one), found)


if __name__ == "__main__":
    absltest.main()
