"""Another backend than TensorFlow: what works, and what says that it does not.

The test that needs JAX runs where it is installed. The others ask the stand-in
itself, and tell keras_kd of another backend than the one that runs.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys
import unittest

import keras
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd import backend
from keras_kd.backend import unsupported

ROOT = pathlib.Path(__file__).parents[2]

PRETEND = """
import keras
keras.backend.backend = lambda: "jax"
"""

SCRIPT = """
import keras
import numpy as np
import keras_kd

loss = keras_kd.losses.SoftTargets(temperature=2.0)
# 4 (0.880797 ln 1.761594 + 0.119203 ln 0.238406), as in the loss's own test.
value = loss(np.array([[4.0, 0.0]]), np.array([[0.0, 0.0]]))
np.testing.assert_allclose(value, [1.311251], rtol=1e-5)

teacher, student = (
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    for _ in range(2)
)
try:
    keras_kd.Distiller(
        teacher=teacher, student=student, distillation_losses=loss
    )
except RuntimeError as error:
    print(error)
"""

REFUSAL = (
    r"The Keras backend must be tensorflow, since .*\. Received: "
    r"backend={}\. Set .*KERAS_BACKEND=tensorflow"
)


def run(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=200,
    )


class UnsupportedTest(parameterized.TestCase):
    def assert_refuses(self, process, name):
        self.assertEqual(process.returncode, 0, process.stderr[-2000:])
        self.assertRegex(process.stdout, REFUSAL.format(name))

    @pytest.mark.slow
    def test_formulas_work_and_a_distiller_is_refused(self):
        self.assert_refuses(run(PRETEND + SCRIPT), "jax")

    @unittest.skipUnless(importlib.util.find_spec("jax"), "needs JAX")
    def test_the_same_holds_on_jax_itself(self):
        self.assert_refuses(run(SCRIPT, KERAS_BACKEND="jax"), "jax")

    def test_nothing_is_found_to_be_infinite(self):
        # Metrics ask, and work without.
        self.assertEqual(unsupported.check_finite(3.0, "never shown"), 3.0)

    @parameterized.parameters(*sorted({*backend.__all__} - {"check_finite"}))
    def test_everything_else_is_refused(self, name):
        # The tests run on TensorFlow, so that is the name in the sentence.
        with self.assertRaisesRegex(
            RuntimeError, REFUSAL.format(keras.backend.backend())
        ):
            getattr(unsupported, name)()


if __name__ == "__main__":
    absltest.main()
