import pathlib
import tempfile
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from absl.testing import parameterized

from keras_kd.export import _inference
from keras_kd.export import _jobs
from keras_kd.export import _made
from keras_kd.export import export_student
from tests import support

FILE = b"of the other process"


class FilesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        self.student = support.dense(4)
        self.x = support.data(5)[0]
        self.answers = np.asarray(self.student(self.x))

    def export(self, change, error=None, precision="float32", test=None):
        """Exports to ONNX by a process that is made up.

        Args:
            change: What is added to the student's answers.
            error: What the conversion ends with. Defaults to `None`.
            precision: Of the file.
            test: Examples for testing. Defaults to `None`, `x`.
        """

        def run(work, jobs, place):
            del work, place
            done = {job["id"]: {"error": None, "value": None} for job in jobs}
            convert, run, _ = jobs
            done[convert["id"]]["error"] = error
            pathlib.Path(convert["path"]).write_bytes(FILE)
            np.savez(run["answers"], output_0=self.answers + change)
            done["time"]["value"] = {run["file"]: [3e-6, 2e-6, 4e-6]}
            return done

        with (
            mock.patch.object(_jobs, "run", run),
            mock.patch.object(_inference.InferenceCopy, "write"),
        ):
            result = export_student(
                self.student,
                self.folder,
                formats="onnx",
                precisions=precision,
                test=self.x if test is None else test,
            )
        self.result = result
        return result.files[0]

    def names(self):
        return {path.name for path in self.folder.iterdir()}

    def test_delivers_what_answers_as_the_student(self):
        file = self.export(1e-6)
        self.assertIsNone(file.reason)
        self.assertEqual(file.path.read_bytes(), FILE)
        self.assertEqual(file.bytes, len(FILE))
        self.assertEqual(file.latency.median, 3e-6)
        self.assertIn("3 (2-4)", self.result.table())

    @parameterized.parameters(
        (0.01, "differ by 0.01"), (np.nan, "nan or infinity")
    )
    def test_delivers_nothing_that_answers_otherwise(self, change, says):
        file = self.export(change)
        self.assertIn(says, file.reason)
        self.assertIsNone(file.path)
        self.assertIn(file.reason, self.result.markdown())
        left = {"digests", "export.json", "export.md", "lock"}
        self.assertEqual(self.names(), left)

    def test_other_precisions_may_differ(self):
        file = self.export(0.01, precision="float16")
        self.assertIsNone(file.reason)
        self.assertAlmostEqual(file.largest_difference, 0.01, places=5)

    def test_delivers_nothing_of_a_conversion_that_failed(self):
        file = self.export(0.0, error="OpError: ERROR_NEEDS_FLEX_OPS in a.b")
        self.assertRegex(file.reason, ": ERROR_NEEDS_FLEX_OPS. The runtime")
        self.assertNotIn("student_float32.onnx", self.names())

    def test_the_same_export_writes_its_files_anew(self):
        self.export(0.0)
        (self.folder / "student_float32.onnx").write_bytes(b"damaged")
        self.assertEqual(self.export(0.0).path.read_bytes(), FILE)

    def test_batches_of_the_same_examples_are_the_same_export(self):
        self.export(0.0)
        slices = tf.data.Dataset.from_tensor_slices
        self.assertIsNone(self.export(0.0, test=slices(self.x).batch(2)).reason)
        with self.assertRaisesRegex(ValueError, "hold the same run"):
            self.export(0.0, test=slices(-self.x).batch(2))

    def test_files_of_the_user_stay(self):
        (self.folder / "student_float32.onnx").write_bytes(b"mine")
        with self.assertRaisesRegex(ValueError, "would be overwritten"):
            self.export(0.0)
        self.assertEqual(self.names(), {"student_float32.onnx"})


class ReasonTest(parameterized.TestCase):
    @parameterized.parameters(
        ("ended its process (SIGSEGV)", "unroll=True"),
        ("ConverterError: loc(TensorListReserve)", "batch_size=1"),
        ("InvalidGraph: x. No Op registered for Svd with", "for Svd. The"),
        ("ConverterError: at 'tf.Svd' op is neither", ": 'tf.Svd' op. The"),
        ("InvalidGraph: anything", "without it"),
        ("RuntimeError: anything else", "Leave it out of the export"),
    )
    def test_says_what_to_do(self, error, says):
        self.assertIn(says, _made._reason(error))

    def test_long_errors_are_cut(self):
        self.assertLess(len(_made._reason("A: " + "x" * 5000)), 400)


if __name__ == "__main__":
    absltest.main()
