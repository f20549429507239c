"""`keras-kd distill`: the flags of the main job."""

import dataclasses

from absl import flags

from keras_kd.cli import launch
from keras_kd.cli import usage
from keras_kd.cli.errors import DONE
from keras_kd.cli.settings import Settings
from keras_kd.cli.settings import resolve

INTRODUCTION = """\
Does distillation help here? Trains a teacher, then for each seed a small
student alone, one with label smoothing, and one distilled from the teacher,
all under the same budget. Prints a table and writes report.md, student.keras,
history.csv and plots. After an interruption, the same command goes on where it
stopped."""


TEACHER = (
    "a saved model to learn from, for images in [0, 1]; otherwise a small "
    "convolutional network is trained"
)


def make_flags():
    """The flags, in an object of their own: nothing global is touched."""
    values = flags.FlagValues()
    default = Settings()

    def define(kind, name, text, **options):
        kind(name, getattr(default, name), text, flag_values=values, **options)

    text, number, count = (
        flags.DEFINE_string,
        flags.DEFINE_float,
        flags.DEFINE_integer,
    )
    define(
        text,
        "dataset",
        "digits; an image set of tensorflow-datasets, such as mnist; or a "
        "folder of images with one sub-folder for each class",
    )
    define(text, "data_dir", "where tensorflow-datasets keeps its files")
    define(text, "method", "a name that `keras-kd methods` lists")
    define(
        number,
        "temperature",
        "divides the logits of both models; "
        "otherwise as `keras-kd methods` says",
    )
    define(number, "loss_weight", "factor on the distillation losses; likewise")
    define(
        number,
        "student_loss_weight",
        "factor on the loss of the labels; likewise",
    )
    define(
        count,
        "epochs",
        "passes over as many images as there are for training, whatever part "
        "of them the students see",
    )
    define(count, "batch_size", "images in an update")
    define(count, "seeds", "students in each arm; raise it later to add some")
    define(
        number,
        "fraction",
        "part of the training images that the students see; the teacher sees "
        "all",
    )
    define(text, "teacher", TEACHER)
    define(
        text,
        "student",
        "a saved model whose architecture to train, with new weights; "
        "otherwise a smaller network of that kind",
    )
    define(
        text,
        "cache",
        "folder of `keras-kd cache`: students learn from the answers there, "
        "and without --teacher from the teacher kept there; filled if empty",
    )
    define(text, "output", "folder for the results")
    flags.DEFINE_bool(
        "overwrite",
        False,
        "throw away what another job left in the output folder",
        flag_values=values,
    )
    return values


def main(arguments):
    """Runs the command.

    Args:
        arguments: What follows `keras-kd distill`.

    Returns:
        The exit code.
    """
    values = make_flags()
    if usage.asks_for_help(arguments):
        print(usage.command_help("distill", INTRODUCTION, values))
        return DONE
    usage.parse("distill", values, arguments)
    settings = Settings(
        **{
            field.name: getattr(values, field.name)
            for field in dataclasses.fields(Settings)
        }
    )
    settings = resolve(settings)

    def work():
        from keras_kd.cli import job
        from keras_kd.cli import progress

        job.run(settings, overwrite=values.overwrite, live=progress.terminal())

    return launch.run("distill", settings.output, work)
