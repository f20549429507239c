"""Files of what `teachers.logits` returns."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from absl.testing import absltest
from keras import layers

from keras_kd import taps
from keras_kd.teachers import logits
from tests import support

ROOT = pathlib.Path(__file__).parents[2]
X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def ending_in(*end):
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(5, name="hidden"), *end]
    )


def softmax_model():
    return ending_in(layers.Dense(3, activation="softmax"))


class SaveTest(absltest.TestCase):
    def file(self):
        return support.folder(self) / "model.keras"

    def test_a_loaded_model_gives_the_same_logits(self):
        for end in (layers.Activation("softmax"), layers.Softmax()):
            teacher, file = logits(ending_in(layers.Dense(3), end)), self.file()
            teacher.save(file)
            loaded = keras.models.load_model(file)
            np.testing.assert_array_equal(loaded(X), teacher(X))
            self.assertEqual(loaded.name, teacher.name)
            self.assertEqual(taps.names(loaded), taps.names(teacher))

    @pytest.mark.slow
    def test_a_fresh_process_gives_the_same_logits(self):
        teacher, file = logits(softmax_model()), self.file()
        teacher.save(file)
        np.save(file.with_suffix(".npy"), teacher(X))
        script = """
import sys
import numpy as np
import keras_kd
import keras
model = keras.models.load_model(sys.argv[1])
x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
np.testing.assert_array_equal(model(x), np.load(sys.argv[2]))
"""
        arguments = [script, str(file), str(file.with_suffix(".npy"))]
        process = subprocess.run(
            [sys.executable, "-c", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
        )
        self.assertEqual(process.returncode, 0, process.stderr[-2000:])

    def test_a_distiller_is_loaded_with_it(self):
        distiller = support.distiller(teacher=logits(softmax_model()))
        distiller.compile("adam")
        distiller.fit(X, verbose=0)
        file = self.file()
        distiller.save(file)
        loaded = keras.models.load_model(file)
        np.testing.assert_array_equal(loaded.teacher(X), distiller.teacher(X))
        for one in (distiller, loaded):
            one.fit(X, verbose=0, shuffle=False)
        for old, new in zip(
            support.values(distiller.variables),
            support.values(loaded.variables),
            strict=True,
        ):
            np.testing.assert_array_equal(old, new)


if __name__ == "__main__":
    absltest.main()
