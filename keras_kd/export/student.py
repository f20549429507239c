"""Exports a student to files that other runtimes run."""

import pathlib
import tempfile
from collections.abc import Sequence

import keras

from keras_kd._core import identity
from keras_kd._core import own_files
from keras_kd._core.kinds import check_model
from keras_kd._core.run_folder import RunFolder
from keras_kd._types import Data
from keras_kd.export import _arguments
from keras_kd.export import _data
from keras_kd.export import _inference
from keras_kd.export import _made
from keras_kd.export._examples import Examples
from keras_kd.export.results import ExportResult

REPORT = "export.md"
_MARKER = "export.json"
_NAMES = (
    r"export\.md",
    r"student_[a-z0-9_]+\.(tflite|onnx)",
    rf"{_made.SAVED_MODEL}/.+",
)


def export_student(
    student: keras.Model,
    directory: str | pathlib.Path,
    *,
    formats: Sequence[str] = _arguments.FORMATS,
    precisions: Sequence[str] = ("float32",),
    calibration: Data = None,
    test: Data = None,
    final_activation: str | None = None,
    batch_size: int | None = None,
) -> ExportResult:
    """Writes a student as SavedModel, LiteRT and ONNX, and tries each file.

    The student is exported as it answers in inference mode, in float32: without
    augmentation and dropout, also where its graph holds a `training=True`,
    which `student.export` would keep. Each file is then run by its own
    runtime, and compared with the student. A float32 file that answers
    otherwise is not delivered. Conversions take place in a process of their
    own, on TensorFlow whatever the backend is.

    Args:
        student: A built `keras.Model`, as it is to be used.
        directory: Folder for the files: `student_saved_model`,
            `student_PRECISION.tflite`, `student_PRECISION.onnx`, and
            `export.md` with the table. It holds one export; the same one again
            writes its files anew.
        formats: Some of `"saved_model"`, `"litert"` and `"onnx"`. Defaults to
            all.
        precisions: Of LiteRT and ONNX, some of `"float32"`; `"float16"`, for
            the weights; `"int8_dynamic"`, weights in int8; and `"int8"`,
            weights and activations, of LiteRT also inputs and outputs. A
            SavedModel is of float32. Defaults to `("float32",)`.
        calibration: Examples for `"int8"`, as the student takes them: some
            hundred, like those of its use. An array, a structure of arrays,
            or batches, with labels or without: a `tf.data.Dataset`, such as
            `train.take(8)`, or a `keras.utils.PyDataset`. Defaults to `None`.
        test: Examples to run the files on, likewise. The labels are indices of
            classes; with arrays, the second of a tuple. Defaults to `None`,
            random numbers.
        final_activation: Name of a Keras activation for all outputs, such as
            `"softmax"` for a student that was distilled to give logits.
            Defaults to `None`.
        batch_size: The only number of examples that the files take at once.
            LiteRT needs `1` for recurrent layers. Defaults to `None`, any.

    Returns:
        An `ExportResult`. What could not be made has a reason in it.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the student, the examples or the folder cannot be used.
        ModuleNotFoundError: If a format needs a package that is not there.

    Example:

    ```python
    result = keras_kd.export.export_student(
        student, "deploy", test=(images, labels), final_activation="softmax"
    )
    print(result.table())
    ```
    """
    arguments = {"procedure": "export_student"} | locals()
    formats = _arguments.check_formats(formats)
    precisions = _arguments.check_precisions(precisions, calibration)
    check_model("student", student)
    _arguments.check_student(student, final_activation, batch_size)
    copy = _inference.InferenceCopy(student, final_activation)
    test = _data.read("test", test, is_labelled=True)
    calibration = _data.read("calibration", calibration)
    examples = Examples(student, copy, test, calibration)
    arguments |= {"test": test, "calibration": calibration}
    del arguments["directory"]
    settings = identity.of_arguments(arguments)
    folder = own_files.make_folder(directory, "directory")
    own_files.check_no_links(folder / _made.SAVED_MODEL)
    if (folder / _MARKER).exists():
        _opened(folder, settings).close()
    else:
        own_files.check_begun(folder, _MARKER, "directory", _NAMES)
    with tempfile.TemporaryDirectory() as place:
        making = _made.Making(copy, examples, batch_size, pathlib.Path(place))
        outcome = making.convert(formats, precisions)
        # Not before: what ends here leaves no file.
        run = _opened(folder, settings)
        try:
            result = ExportResult(
                folder,
                tuple(making.delivered(outcome, run)),
                examples.accuracy(examples.reference),
                examples.count,
                test is None,
            )
            with run.written(REPORT) as partial:
                partial.write_text(result.markdown(), encoding="utf-8")
        finally:
            run.close()
    return result


def _opened(folder, settings):
    return RunFolder(
        folder,
        settings,
        argument="directory",
        names=_NAMES,
        marker=_MARKER,
    )
