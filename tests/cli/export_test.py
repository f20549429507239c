import json
import pathlib
import tempfile
from unittest import mock

import keras
import numpy as np
import pytest
from absl.testing import absltest

from keras_kd import datasets
from keras_kd import export
from keras_kd.cli._bench import export_job
from keras_kd.cli._bench import identities
from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import FAILED
from keras_kd.cli._shell.errors import UNUSABLE
from tests.cli import small_jobs
from tests.cli.calls import call


class ExportTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = datasets.load("digits")

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(
            self.enterContext(tempfile.TemporaryDirectory())
        )
        model = small_jobs.net(10, self.data.image_shape)
        self.path = small_jobs.save(self.folder, model, "student.keras")

    def finish(self, **other):
        """Leaves what `keras-kd distill` leaves beside a student."""
        job = {"dataset": "digits", "data": identities.of_data(self.data)}
        (self.folder / "state").mkdir()
        (self.folder / "state" / "job.json").write_text(json.dumps(job | other))

    def call(self, *arguments, reason=None, error=None):
        """Runs the command, with a made-up export.

        Args:
            *arguments: Of the command.
            reason: Why there is no file. Defaults to `None`.
            error: What the export raises. Defaults to `None`.
        """
        path = None if reason else self.folder
        file = export.ExportedFile(
            "onnx", "float32", path, reason, 1, largest_difference=0.0
        )
        result = export.ExportResult(self.folder, (file,), None, 1, False)
        with mock.patch.object(
            export, "export_student", return_value=result, side_effect=error
        ) as self.export:
            return call("export", *arguments)

    def assert_unusable(self, regex, *arguments, error=None):
        code, _, errors = self.call(*arguments, error=error)
        self.assertEqual(code, UNUSABLE)
        self.assertRegex(" ".join(errors.split()), regex)

    def test_a_folder_tells_the_images(self):
        self.finish()
        code, output, _ = self.call(str(self.folder), "--output=deploy")
        self.assertEqual(code, DONE)
        self.assertIn("Reading the images of digits", output)
        (student, directory), options = self.export.call_args
        self.assertEqual(directory, "deploy")
        self.assertEqual(student.output_shape, (None, 10))
        images, labels = options["test"]
        np.testing.assert_array_equal(images, self.data.test_images)
        np.testing.assert_array_equal(labels, self.data.test_labels)
        np.testing.assert_array_equal(
            options["calibration"],
            self.data.train_images[: export_job.CALIBRATION],
        )

    def test_a_file_needs_no_images(self):
        flags = "--formats=litert,onnx", "--precisions=float16"
        code, *_ = self.call(f"--student={self.path}", *flags)
        self.assertEqual(code, DONE)
        options = self.export.call_args.kwargs
        self.assertEqual(options["formats"], ("litert", "onnx"))
        self.assertEqual(options["precisions"], ("float16",))
        self.assertNotIn("test", options)

    def test_a_file_that_could_not_be_made_is_a_failure(self):
        code, output, _ = self.call(self.path, reason="No such operation.")
        self.assertEqual(code, FAILED)
        self.assertIn("onnx float32: No such operation.", output)

    def test_refuses_other_images_than_those_of_the_folder(self):
        self.finish(data="other")
        self.assert_unusable("other images in digits", str(self.folder))

    def test_refuses_a_folder_of_no_job(self):
        self.assert_unusable("does not tell the images", str(self.folder))

    def test_refuses_a_folder_without_a_student(self):
        state = self.folder / "empty"
        state.mkdir()
        self.assert_unusable("without student.keras.*Run", str(state))

    def test_refuses_images_where_the_folder_tells_them(self):
        self.finish()
        self.assert_unusable(
            "`--limit` must not be given", str(self.folder), "--limit=5"
        )

    def test_refuses_a_file_that_is_not_there(self):
        self.assert_unusable("`--student` must be a saved", "none.keras")

    def test_refuses_a_damaged_student(self):
        pathlib.Path(self.path).write_bytes(b"damaged")
        self.assert_unusable("`--student` must be a model that", self.path)

    def test_errors_name_flags(self):
        text = "`calibration` must be given. Received: calibration=None."
        self.assert_unusable(
            "`--dataset` must be given. Received: --dataset=None",
            self.path,
            error=ValueError(text),
        )

    def test_every_flag_is_explained_within_80_columns(self):
        _, output, _ = self.call("--help")
        self.assertLessEqual(max(map(len, output.splitlines())), 80)
        for flag in ("student=keras_kd_output", "precisions=float32", "limit"):
            self.assertRegex(output, rf"\n  --{flag}\s")

    @pytest.mark.slow
    def test_writes_files_that_answer(self):
        self.finish()
        output = self.folder / "deploy"
        code, shown, errors = call(
            "export",
            str(self.folder),
            "--formats=litert",
            "--precisions=float32,int8",
            "--final_activation=softmax",
            f"--output={output}",
        )
        self.assertEqual(code, DONE, errors)
        self.assertRegex(shown, r"litert int8 +\d")
        self.assertTrue((output / "student_int8.tflite").is_file())
        student = keras.saving.load_model(self.path)
        chosen = student.predict(self.data.test_images, verbose=0).argmax(-1)
        right = 100 * np.mean(chosen == self.data.test_labels)
        self.assertRegex(shown, rf"litert float32 +[\d.]+ +{right:.1f} +100\.0")


if __name__ == "__main__":
    absltest.main()
