"""`keras-kd export`: the flags."""

import dataclasses
import os

from absl import flags

from keras_kd.cli._shell import launch
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import check_model_file

INTRODUCTION = """\
Writes a student as SavedModel, LiteRT and ONNX, runs each file by its own
runtime on the test images, and prints a table: bytes, accuracy, agreement with
the student, largest difference, and time. Needs pip install "keras-kd[export]".

The student is a saved model, or the output folder of `keras-kd distill`, which
tells the images too: `keras-kd export FOLDER` is short for --student=FOLDER."""
STUDENT = "student.keras"
# What a folder of `keras-kd distill` tells by itself.
OF_DATA = ("dataset", "image_size", "limit")
_LISTS = ("formats", "precisions")
_COUNTS = ("limit", "batch_size")


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """Settings of one export.

    Attributes:
        student: A saved model, or an output folder of `keras-kd distill`.
        formats: See `export.export_student`.
        precisions: Likewise.
        final_activation: Likewise.
        batch_size: Likewise.
        dataset: See `Settings`; `None` is that of the folder, or random inputs.
        data_dir: See `Settings`.
        image_size: Likewise.
        limit: Likewise.
        output: Folder for the files.
    """

    student: str = Settings.output
    formats: tuple[str, ...] = ("saved_model", "litert", "onnx")
    precisions: tuple[str, ...] = ("float32",)
    final_activation: str | None = None
    batch_size: int | None = None
    dataset: str | None = None
    data_dir: str | None = None
    image_size: str | None = None
    limit: int | None = None
    output: str = "keras_kd_export"

    @property
    def is_folder(self):
        """Whether the student is in a folder of `keras-kd distill`."""
        return os.path.isdir(self.student)


HELP = {
    "student": "a saved model, or the output folder of `keras-kd distill`",
    "formats": "some of saved_model, litert, onnx, with commas between",
    "precisions": "some of float32, float16, int8_dynamic, int8, of the LiteRT "
    "and ONNX files; for int8 the training images are measured",
    "final_activation": "such as softmax: put behind a student that gives "
    "logits, as distilled ones do",
    "batch_size": "the only number of images that the files take at once; "
    "otherwise any",
    "dataset": "images to test a saved model on, as for `keras-kd distill`; "
    "otherwise random numbers",
    "data_dir": "where tensorflow-datasets keeps its files",
    "image_size": "as for `keras-kd distill`",
    "limit": "read so many images at most, likewise",
    "output": "folder for the files",
}


def make_flags():
    """The flags, in an object of their own: nothing global is touched."""
    values = flags.FlagValues()
    for name, text in HELP.items():
        given = getattr(ExportSettings(), name)
        define = flags.DEFINE_string
        if name in _LISTS:
            define, given = flags.DEFINE_list, ",".join(given)
        elif name in _COUNTS:
            define = flags.DEFINE_integer
        define(name, given, text, flag_values=values)
    return values


def main(arguments):
    """Runs the command.

    Args:
        arguments: What follows `keras-kd export`.

    Returns:
        The exit code.
    """
    if arguments and not arguments[0].startswith("-"):
        arguments = [f"--student={arguments[0]}", *arguments[1:]]
    return launch.main(
        "export", INTRODUCTION, make_flags(), arguments, _prepare
    )


def _prepare(values):
    given = launch.given(values, ExportSettings)
    lists = {name: tuple(given[name] or ()) for name in _LISTS}
    settings = ExportSettings(**given | lists)
    _check(settings)

    def work():
        from keras_kd.cli._bench import export_job

        return export_job.run(settings)

    return settings.output, work


def _check(settings):
    path = settings.student
    if not settings.is_folder:
        check_model_file("student", path)
        return
    if not os.path.isfile(os.path.join(path, STUDENT)):
        raise UnusableError(
            "`--student` must be a saved model, or a folder that `keras-kd "
            f"distill` has finished. Received: --student={path}, without "
            f"{STUDENT}. Run `keras-kd distill --output={path}` to its end."
        )
    for name in OF_DATA:
        value = getattr(settings, name)
        if value is not None:
            raise UnusableError(
                f"`--{name}` must not be given with a folder of `keras-kd "
                "distill`, since that tells the images. Received: "
                f"--{name}={value} and --student={path}. Leave it out, or name "
                f"the file: --student={os.path.join(path, STUDENT)}."
            )
