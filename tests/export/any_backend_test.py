"""The export of a student of any backend: TensorFlow converts it."""

import tempfile

import keras
import numpy as np
import pytest
from absl.testing import absltest
from keras import layers

from keras_kd import export


class AnyBackendTest(absltest.TestCase):
    @pytest.mark.slow
    def test_files_answer_as_the_student_of_this_backend(self):
        import onnxruntime

        keras.utils.set_random_seed(0)
        student = keras.Sequential(
            [
                keras.Input((8, 8, 1), name="image"),
                layers.RandomTranslation(0.3, 0.3),
                layers.Conv2D(4, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
                layers.Flatten(),
                layers.Dense(3),
            ]
        )
        x = np.random.default_rng(0).normal(size=(9, 8, 8, 1))
        x = x.astype("float32")
        expected = keras.ops.softmax(student(x, training=False))
        expected = keras.ops.convert_to_numpy(expected)
        with tempfile.TemporaryDirectory() as folder:
            result = export.export_student(
                student,
                folder,
                formats=("litert", "onnx"),
                test=x,
                final_activation="softmax",
            )
            for file in result.files:
                self.assertIsNone(file.reason)
            path = result.files[-1].path
            session = onnxruntime.InferenceSession(str(path))
            (found,) = session.run(None, {"image": x})
        np.testing.assert_allclose(found, expected, atol=1e-4)


if __name__ == "__main__":
    absltest.main()
