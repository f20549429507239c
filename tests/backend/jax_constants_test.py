"""The compiled step of JAX holds no weights of the teacher."""

import json

import pytest
from absl.testing import absltest

from tests.backend import processes

pytestmark = pytest.mark.slow

PROGRAM = """
import json

import jax
import keras
import numpy as np

import keras_kd


def net(*widths):
    layers = [keras.layers.Dense(width) for width in widths]
    return keras.Sequential([keras.Input((4,)), *layers])


def size(function, *arguments):
    # Constants stand in the text, two letters a byte.
    return len(jax.jit(function).lower(*arguments).as_text())


def values(variables):
    return [variable.value for variable in variables]


teacher, x = net(1000, 5000, 3), np.ones((8, 4), "float32")
distiller = keras_kd.Distiller(
    teacher=teacher,
    student=net(4, 3),
    distillation_losses=keras_kd.losses.SoftTargets(2.0),
)
distiller.compile("adam")
distiller.fit(x, verbose=0)
state = [
    values(distiller.trainable_variables),
    values(distiller.non_trainable_variables),
    values(distiller.optimizer.variables),
    values(distiller.metrics_variables),
]
data = (values(teacher.variables), (x,))
found = {
    "teacher": sum(value.nbytes for value in data[0]),
    "alone": size(teacher, x),
    "train": size(distiller.train_step, state, data),
    "test": size(distiller.test_step, [*state[:2], state[3]], data),
}
print(json.dumps(found))
"""


@pytest.mark.skipif(
    "jax" not in processes.installed(), reason="jax is not installed."
)
class ConstantsTest(absltest.TestCase):
    def test_a_step_has_less_than_a_megabyte_of_constants(self):
        found = json.loads(processes.run_well("jax", "-c", PROGRAM))

        # 5 million numbers, which stand in what closes over them.
        self.assertGreater(found["teacher"], 20_000_000)
        self.assertGreater(found["alone"], 40_000_000)
        self.assertLess(found["train"], 1_000_000)
        self.assertLess(found["test"], 1_000_000)


if __name__ == "__main__":
    absltest.main()
