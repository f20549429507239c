"""Exports the student of `keras-kd export`."""

import os

from keras_kd import export
from keras_kd._core import files
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import identities
from keras_kd.cli._bench import prepare
from keras_kd.cli._bench import state
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import DONE
from keras_kd.cli._shell.errors import FAILED
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.errors import in_flags
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.terminal import shown
from keras_kd.cli.export import OF_DATA
from keras_kd.cli.export import STUDENT

# Training images that int8 is calibrated with.
CALIBRATION = 256
_SAME = ("student", "formats", "precisions", "final_activation", "batch_size")
_FLAGS_OF_ARGUMENTS = {name: name for name in _SAME} | {
    "directory": "output",
    "test": "dataset",
    "calibration": "dataset",
}


def run(settings, *, say=print):
    """Exports a student, tries its files, and prints their table.

    Args:
        settings: An `ExportSettings`.
        say: Takes a line for the user. Defaults to `print`.

    Returns:
        The exit code: that of a failure if a file could not be made.

    Raises:
        UnusableError: If settings, student or data cannot be used.
    """
    path = settings.student
    if settings.is_folder:
        path = os.path.join(path, STUDENT)
    data = _data(settings)
    student = prepare.load_model(path, "student")
    examples = {}
    if data is not None:
        prepare.check_fits("student", path, student, data)
        examples = {
            "test": (data.test_images, data.test_labels),
            "calibration": data.train_images[:CALIBRATION],
        }
    say("Converting, and running each file.")
    try:
        result = export.export_student(
            student,
            settings.output,
            formats=settings.formats,
            precisions=settings.precisions,
            final_activation=settings.final_activation,
            batch_size=settings.batch_size,
            **examples,
        )
    except (TypeError, ValueError, ModuleNotFoundError) as error:
        raise UnusableError(
            in_flags(str(error), _FLAGS_OF_ARGUMENTS)
        ) from error
    say("")
    say(shown(result.table()))
    say(f"\nWritten to {settings.output}, with export.md.")
    return DONE if all(file.path for file in result.files) else FAILED


def _data(settings):
    """The images for testing, as an `ImageSet`, or `None`."""
    given = {name: getattr(settings, name) for name in OF_DATA}
    expected = None
    if settings.is_folder:
        job = _job_of(settings.student)
        given, expected = {n: job.get(n) for n in OF_DATA}, job["data"]
    if given["dataset"] is None:
        return None
    asked = Settings(**given, data_dir=settings.data_dir)
    launch.say_reading(asked)
    data = data_sets.load(asked)
    if expected is not None and identities.of_data(data) != expected:
        raise UnusableError(
            "`--student` must be a folder whose images are as they were, since "
            "its student is tested on those that it has not seen. Received: "
            f"--student={settings.student}, and other images in "
            f"{given['dataset']}. Name the file with --student, and --dataset."
        )
    return data


def _job_of(folder):
    """The identity of the job that has left a folder."""
    path = os.path.join(folder, state.FOLDER, state.IDENTITY)
    try:
        job = files.read_json(path)
    except ValueError:
        job = None
    if not isinstance(job, dict) or not {"dataset", "data"} <= job.keys():
        raise UnusableError(
            "`--student` must be a folder that `keras-kd distill` has written. "
            f"Received: --student={folder}, where {path} does not tell the "
            f"images. Name the file: --student={os.path.join(folder, STUDENT)}."
        )
    return job
