"""`keras-kd distill`: the flags of the main job."""

from absl import flags

from keras_kd.cli import methods
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.choice import is_several
from keras_kd.cli._shell.choice import resolve_each
from keras_kd.cli._shell.settings import Settings

INTRODUCTION = """\
Does distillation help here? Trains a teacher, then for each seed a small
student alone, one with label smoothing, and one distilled from the teacher,
all under the same budget. Prints a table and writes report.md, the same as a
page in report.html, student.keras, history.csv and plots. After an
interruption, the same command goes on where it stopped."""


TEACHER = (
    "a saved model to learn from, for images in [0, 1]; otherwise a small "
    "convolutional network is trained"
)


# Names of settings, in the order of the help text, and what they are.
HELP = {
    "dataset": "digits; an image set of tensorflow-datasets, such as mnist; or "
    "a folder of images with one sub-folder for each class",
    "data_dir": "where tensorflow-datasets keeps its files",
    "image_size": "all images are brought to it: 64, or 48x64 for height and "
    "width; otherwise the size that all have, or 64 where they differ",
    "limit": "read so many images at most, those for testing included",
    "method": "a name that `keras-kd methods` lists; several of them, with "
    "commas between, or all: these are compared with each other",
    "temperature": "divides the logits of both models; otherwise as "
    "`keras-kd methods` says",
    "loss_weight": "factor on the distillation losses; likewise",
    "student_loss_weight": "factor on the loss of the labels; likewise",
    "noise_stddev": "standard deviation of the noise on the teacher; likewise",
    "noise_probability": "part of the examples that get noise; likewise",
    "learning_rate": "of the distilled students, such as `keras-kd search` "
    "found; otherwise each arm chooses among the same few",
    "epochs": "passes over as many images as there are for training, whatever "
    "part of them the students see; otherwise 10, but with other sets than the "
    "digits as many as make 150 updates",
    "batch_size": "images in an update",
    "seeds": "students in each arm; raise it later to add some",
    "fraction": "part of the training images that the students see; the "
    "teacher sees all; otherwise 0.05, but of other sets than the digits 1,000 "
    "images at least, or all there are",
    "teacher": TEACHER,
    "student": "a saved model whose architecture to train, with new weights; "
    "otherwise a smaller network of that kind",
    "cache": "folder of `keras-kd cache`: students learn from the answers "
    "there, and without --teacher from the teacher kept there; filled if empty",
    "output": "folder for the results",
}
NUMBERS = (*methods.FLAGS, "learning_rate", "fraction")
COUNTS = ("epochs", "batch_size", "seeds", "limit")


def make_flags():
    """The flags, in an object of their own: nothing global is touched."""
    values = flags.FlagValues()
    for name, text in HELP.items():
        define = flags.DEFINE_string
        if name in NUMBERS:
            define = flags.DEFINE_float
        elif name in COUNTS:
            define = flags.DEFINE_integer
        define(name, getattr(Settings(), name), text, flag_values=values)
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
    return launch.main(
        "distill", INTRODUCTION, make_flags(), arguments, _prepare
    )


def _prepare(values):
    settings = Settings(**launch.given(values, Settings))
    alternatives = resolve_each(settings)

    def work():
        launch.say_reading(settings)
        from keras_kd.cli._bench import contest
        from keras_kd.cli._bench import job
        from keras_kd.cli._shell import progress

        options = {"overwrite": values.overwrite, "live": progress.terminal()}
        if is_several(settings):
            contest.run(settings, **options)
        else:
            job.run(*alternatives, **options)

    return settings.output, work
