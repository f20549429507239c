"""Runtimes and a folder that tests of exports share."""

import pathlib
import tempfile

import keras
import numpy as np
from absl.testing import absltest


def run_litert(path, arrays):
    """Answers of a LiteRT file, one example at a time."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner("serving_default")
    return _one_by_one(lambda one: runner(**one), arrays)


def run_onnx(path, arrays):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return _one_by_one(
        lambda one: dict(zip(names, session.run(None, one), strict=True)),
        arrays,
    )


def run_saved_model(path, arrays):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    served = loaded.signatures["serving_default"]

    def run(one):
        found = served(**{k: tf.constant(v) for k, v in one.items()})
        return {name: tensor.numpy() for name, tensor in found.items()}

    return _one_by_one(run, arrays)


def _one_by_one(run, arrays):
    count = len(next(iter(arrays.values())))
    parts = [
        run({name: a[i : i + 1] for name, a in arrays.items()})
        for i in range(count)
    ]
    return {n: np.concatenate([p[n] for p in parts]) for n in parts[0]}


RUN = {"litert": run_litert, "onnx": run_onnx, "saved_model": run_saved_model}


class Exports(absltest.TestCase):
    """Exports into a folder that is removed at the end."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        keras.utils.set_random_seed(0)
        cls.folder = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory())
        )

    def assert_float32_answers(self, result, arrays, expected):
        """Each float32 file answers as the student did, to 1e-4."""
        files = [f for f in result.files if f.precision == "float32"]
        self.assertLen(files, 3)
        for file in files:
            with self.subTest(file.name):
                self.assertIsNone(file.reason)
                found = RUN[file.format](file.path, arrays)
                self.assertEqual(found.keys(), expected.keys())
                for name, answers in expected.items():
                    np.testing.assert_allclose(found[name], answers, atol=1e-4)
