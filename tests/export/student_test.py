"""Students of all kinds, exported, and run by the runtimes themselves."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl.testing import absltest
from keras import layers

from keras_kd import export
from tests import support
from tests.export import exports

# Each export starts a process that imports TensorFlow.
pytestmark = pytest.mark.slow

PRECISIONS = ("float32", "float16", "int8_dynamic", "int8")


def images_student():
    """Augmentation, batch norm, dropout, LoRA, and statistics of its own."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.RandomTranslation(0.3, 0.3),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(32, name="adapted"),
            layers.Dense(5),
        ]
    )
    random = np.random.default_rng(0)
    model.layers[2].moving_mean.assign(random.normal(size=8))
    model.get_layer("adapted").enable_lora(2)
    factor = model.get_layer("adapted").lora_kernel_b
    factor.assign(random.normal(size=factor.shape))
    # Functional, as most students are: its graph says `training=True`.
    return keras.Model(model.inputs[0], model.outputs[0])


class ImagesTest(exports.Exports):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        model = images_student()
        random = np.random.default_rng(1)
        cls.x = random.normal(size=(50, 8, 8, 1)).astype("float32")
        logits = np.asarray(model(cls.x, training=False))
        powers = np.exp(logits.astype("float64"))
        cls.expected = powers / powers.sum(axis=-1, keepdims=True)
        cls.labels = random.integers(5, size=50)
        slices = tf.data.Dataset.from_tensor_slices((cls.x, cls.labels))
        batches = slices.batch(20)
        cls.result = export.export_student(
            model,
            cls.folder / "ours",
            precisions=PRECISIONS,
            calibration=batches.take(2),
            test=batches,
            final_activation="softmax",
        )
        model.export(str(cls.folder / "theirs"), verbose=False)

    def file(self, name):
        return next(f for f in self.result.files if f.name == name)

    def test_float32_files_answer_as_the_student(self):
        arrays, expected = {"image": self.x}, {"output_0": self.expected}
        self.assert_float32_answers(self.result, arrays, expected)

    def test_what_keras_exports_does_not(self):
        arrays = {"image": self.x}
        found = exports.run_saved_model(self.folder / "theirs", arrays)
        found = np.asarray(keras.ops.softmax(found["output_0"]))
        self.assertGreater(np.abs(found - self.expected).max(), 0.1)

    def test_every_file_is_there_and_measured(self):
        self.assertLen(self.result.files, 9)
        right = np.mean(self.expected.argmax(axis=-1) == self.labels)
        self.assertAlmostEqual(self.result.student_accuracy, right)
        for file in self.result.files:
            with self.subTest(file.name):
                self.assertIsNone(file.reason)
                self.assertTrue(file.path.exists())
                self.assertGreater(file.agreement, 0.85)
                self.assertLess(file.largest_difference, 0.1)
                self.assertGreater(file.latency.low, 0)
                self.assertIn(file.name, self.result.table())

    def test_figures_are_those_of_the_file(self):
        file = self.file("onnx int8")
        found = exports.run_onnx(file.path, {"image": self.x})["output_0"]
        chosen = found.argmax(axis=-1)
        self.assertAlmostEqual(file.accuracy, np.mean(chosen == self.labels))
        agreement = np.mean(chosen == self.expected.argmax(axis=-1))
        self.assertAlmostEqual(file.agreement, agreement)
        difference = np.abs(found - self.expected).max()
        self.assertAlmostEqual(file.largest_difference, difference, places=5)
        self.assertEqual(file.bytes, file.path.stat().st_size)

    def test_predict_gives_the_answers_that_were_measured(self):
        for file in self.result.files:
            with self.subTest(file.name):
                found = file.predict(self.x)
                right = np.mean(found.argmax(axis=-1) == self.labels)
                self.assertAlmostEqual(right, file.accuracy)
                difference = np.abs(found - self.expected).max()
                self.assertAlmostEqual(
                    difference, file.largest_difference, places=5
                )

    def test_int8_is_int8_throughout(self):
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(self.file("litert int8").path))
        details = interpreter.get_tensor_details()
        kinds = {detail["dtype"] for detail in details}
        self.assertNotIn(np.float32, kinds)
        (taken,) = interpreter.get_input_details()
        self.assertEqual(taken["dtype"], np.int8)

    def test_smaller_types_make_smaller_files(self):
        for kind in ("litert", "onnx"):
            sizes = [self.file(f"{kind} {p}").bytes for p in PRECISIONS[:3]]
            self.assertEqual(sizes, sorted(sizes, reverse=True))

    def test_the_report_is_kept(self):
        text = (self.folder / "ours" / "export.md").read_text()
        self.assertEqual(text, self.result.markdown())

    def test_another_students_folder_is_refused(self):
        with self.assertRaisesRegex(ValueError, "hold the same run"):
            export.export_student(support.dense(4), self.folder / "ours")


class TextTest(exports.Exports):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tokens = keras.Input((7,), dtype="int32", name="tokens")
        extra = keras.Input((3,), name="extra")
        embedded = layers.Embedding(20, 8, mask_zero=True)(tokens)
        attended = layers.MultiHeadAttention(2, 4)(embedded, embedded)
        read = layers.LSTM(6)(layers.LayerNormalization()(attended + embedded))
        joined = layers.Concatenate()([read, extra])
        outputs = {
            "topic": layers.Dense(4)(joined),
            "score": layers.Dense(1)(joined),
        }
        model = keras.Model({"tokens": tokens, "extra": extra}, outputs)
        random = np.random.default_rng(0)
        cls.arrays = {
            # The other way round than the model has them.
            "extra": random.normal(size=(6, 3)).astype("float32"),
            "tokens": random.integers(1, 20, (6, 7)).astype("int32"),
        }
        cls.arrays["tokens"][:3, 4:] = 0
        expected = model(cls.arrays, training=False)
        cls.expected = {k: np.asarray(v) for k, v in expected.items()}
        cls.model = model
        cls.result = export.export_student(
            model,
            cls.folder / "one",
            precisions=("float32", "int8"),
            calibration=cls.arrays,
            test=cls.arrays,
            batch_size=1,
        )

    def test_float32_files_answer_as_the_student(self):
        self.assert_float32_answers(self.result, self.arrays, self.expected)

    def test_predict_takes_several_inputs_by_name(self):
        for file in self.result.files:
            if file.precision == "float32":
                found = file.predict(self.arrays)
                for name, answers in self.expected.items():
                    np.testing.assert_allclose(found[name], answers, atol=1e-4)

    def test_a_converter_that_ends_its_process_is_told(self):
        *_, file = (f for f in self.result.files if f.format == "litert")
        self.assertEqual(file.precision, "int8")
        self.assertIsNone(file.path)
        self.assertIn("unroll=True", file.reason)
        self.assertIn(file.reason, (self.folder / "one/export.md").read_text())
        self.assertFalse((self.folder / "one/student_int8.tflite").exists())

    def test_litert_asks_for_a_batch_size(self):
        result = export.export_student(
            self.model,
            self.folder / "any",
            formats="litert",
            test=self.arrays,
        )
        (file,) = result.files
        self.assertIn("batch_size=1", file.reason)
        self.assertIsNone(file.path)


class Subclassed(keras.Model):
    """Augmentation in a `call` without `training`; not registered."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.augment = layers.RandomFlip()
        self.convolve = layers.Conv2D(4, 3, dtype="mixed_float16")
        self.normalize = layers.BatchNormalization(dtype="mixed_float16")
        self.drop = layers.Dropout(0.5)
        self.head = layers.Dense(3, dtype="mixed_float16")

    def call(self, images):
        x = self.normalize(self.convolve(self.augment(images)))
        return self.head(self.drop(keras.ops.mean(x, axis=(1, 2))))


class SubclassedTest(exports.Exports):
    def test_mixed_precision_is_exported_in_float32(self):
        x = np.random.default_rng(0).normal(size=(5, 6, 6, 1))
        x = x.astype("float32")
        model = Subclassed()
        model(x)
        kernel, bias = model.convolve.get_weights()
        windows = np.lib.stride_tricks.sliding_window_view(
            x.astype("float64"), (3, 3), axis=(1, 2)
        )
        # (5, 4, 4, 1, 3, 3) with (3, 3, 1, 4).
        convolved = np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias
        _, _, mean, variance = model.normalize.get_weights()
        features = convolved.mean(axis=(1, 2)) - mean
        features /= np.sqrt(variance + 1e-3)
        kernel, bias = model.head.get_weights()
        expected = features @ kernel + bias

        result = export.export_student(model, self.folder / "made", test=x)

        answers = {"output_0": expected}
        self.assert_float32_answers(result, {"images": x}, answers)


class Inverse(layers.Layer):
    """An operation that neither LiteRT nor ONNX has."""

    def call(self, x):
        return keras.ops.erfinv(0.9 * keras.ops.tanh(x))


class LackingTest(exports.Exports):
    def test_an_operation_that_a_runtime_lacks_is_named(self):
        model = keras.Sequential([keras.Input((4,)), Inverse()])
        result = export.export_student(
            model, self.folder / "made", formats=("litert", "onnx")
        )
        for file in result.files:
            with self.subTest(file.name):
                self.assertRegex(file.reason, "Erfinv.*leave the format out")
                self.assertIsNone(file.path)
        left = {"digests", "export.json", "export.md", "lock"}
        found = {path.name for path in (self.folder / "made").iterdir()}
        self.assertEqual(found, left)


if __name__ == "__main__":
    absltest.main()
