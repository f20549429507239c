"""Trains on every backend that is installed, and compares with TensorFlow.

A process has one backend, so each has its own.
"""

import concurrent.futures
import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import absltest
from absl.testing import parameterized

from tests import support
from tests.backend import processes
from tests.backend import trainings
from tests.backend.processes import BACKENDS
from tests.backend.processes import OTHERS

pytestmark = pytest.mark.slow

# Two at a time: that many cores.
AT_ONCE = 2

WITHOUT_TENSORFLOW = """
import sys

# So Python takes them for missing.
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None

import keras
import numpy as np

import keras_kd


def net(width):
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(width, activation="relu", name="hidden"),
            keras.layers.Dense(3),
        ]
    )


x = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
distiller = keras_kd.Distiller(
    teacher=net(8),
    student=net(4),
    distillation_losses=[
        keras_kd.losses.SoftTargets(2.0, name="soft"),
        keras_kd.losses.Hint(teacher_tap="hidden", student_tap="hidden"),
    ],
)
distiller.compile(
    keras.optimizers.Adam(0.05), metrics=[keras_kd.metrics.TeacherAgreement()]
)
anneal = keras_kd.callbacks.Anneal("soft.temperature", lambda step: 2.0)
losses = distiller.fit(x, epochs=8, verbose=0, callbacks=[
    anneal, keras_kd.callbacks.Diagnostics()
]).history
assert losses["loss"][-1] < 0.9 * losses["loss"][0], losses
distiller.save(sys.argv[1])
again = keras.saving.load_model(sys.argv[1])
np.testing.assert_array_equal(
    again.predict(x, verbose=0), distiller.predict(x, verbose=0)
)
again.fit(x, verbose=0)
try:
    keras_kd.teachers.cache_teacher
except ModuleNotFoundError as error:
    print(error)
assert sys.modules["tensorflow"] is None
"""


class BackendsTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory())
        )
        cls.found = {}
        for what, suffix in (("train", ""), ("go_on", "_went_on")):
            command = ("-m", "tests.backend.trainings", what, cls.folder)
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                ended = pool.map(
                    lambda name, command=command: processes.run_well(
                        name, *command
                    ),
                    processes.installed(),
                )
            for name, _ in zip(processes.installed(), ended, strict=True):
                path = cls.folder / f"{name}{suffix}.npz"
                cls.found[name + suffix] = dict(np.load(path))

    def results(self, name):
        processes.require(self, name.split("_")[0])
        return self.found[name]

    def assert_equal(self, found, expected, prefix):
        keys = [key for key in expected if key.startswith(f"{prefix}/")]
        self.assertNotEmpty(keys)
        for key in keys:
            np.testing.assert_allclose(
                found[key], expected[key], rtol=1e-5, atol=1e-5, err_msg=key
            )

    @parameterized.product(backend=OTHERS, training=list(trainings.TRAININGS))
    def test_trains_to_the_weights_of_tensorflow(self, backend, training):
        found = self.results(backend)
        self.assert_equal(found, self.results("tensorflow"), training)

    @parameterized.product(backend=OTHERS, source=BACKENDS)
    def test_trains_on_from_the_file_of_any_other(self, backend, source):
        found = self.results(f"{backend}_went_on")
        self.results(source)
        expected = self.results("tensorflow_went_on")
        self.assert_equal(found, expected, source)


class WithoutTensorFlowTest(parameterized.TestCase):
    @parameterized.parameters(*OTHERS)
    def test_distils_saves_and_loads(self, backend):
        processes.require(self, backend)
        path = support.folder(self) / "distiller.keras"
        printed = processes.run_well(backend, "-c", WITHOUT_TENSORFLOW, path)
        self.assertIn("cache_teacher` needs TensorFlow", printed)


if __name__ == "__main__":
    absltest.main()
