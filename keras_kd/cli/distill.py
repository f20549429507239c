"""`keras-kd distill`: the flags of the main job."""

import dataclasses
import logging
import os
import sys
import traceback

from absl import flags

from keras_kd.cli import quiet
from keras_kd.cli import usage
from keras_kd.cli.errors import DONE
from keras_kd.cli.errors import FAILED
from keras_kd.cli.errors import UnusableError
from keras_kd.cli.settings import Settings
from keras_kd.cli.settings import resolve

INTRODUCTION = """\
Does distillation help here? Trains a teacher, then for each seed a small
student alone, one with label smoothing, and one distilled from the teacher,
all under the same budget. Prints a table and writes report.md, student.keras,
history.csv and plots. After an interruption, the same command goes on where it
stopped."""


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
    define(number, "temperature", "divides the logits of both models")
    define(number, "loss_weight", "factor on the distillation losses")
    define(number, "student_loss_weight", "factor on the loss of the labels")
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
    define(
        text,
        "teacher",
        "a saved model to learn from, for images in [0, 1]; otherwise a small "
        "convolutional network is trained",
    )
    define(
        text,
        "student",
        "a saved model whose architecture to train, with new weights; "
        "otherwise a smaller network of that kind",
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
    _choose_backend()
    try:
        return _run(settings, values.overwrite)
    except UnusableError:
        raise
    except KeyboardInterrupt:
        print(
            "\nInterrupted. What is finished is kept in "
            f"{settings.output}: the same command goes on from there.",
            file=sys.stderr,
        )
    except Exception:
        traceback.print_exc()
        print(
            "\nkeras-kd distill failed. What is finished is kept in "
            f"{settings.output}: the same command goes on from there.",
            file=sys.stderr,
        )
    return FAILED


def _choose_backend():
    """Takes TensorFlow, whatever `keras.json` says, but not the variable."""
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise UnusableError(
            "`KERAS_BACKEND` must be tensorflow, since keras_kd has no "
            f"training step for others yet. Received: KERAS_BACKEND={backend}."
            " Unset the variable."
        )


def _run(settings, overwrite):
    resolve(settings)
    # Here, so that neither help nor a mistyped flag waits for TensorFlow.
    with quiet.start():
        import keras

        from keras_kd.cli import job
        from keras_kd.cli import progress

        keras.ops.zeros(())  # The first value wakes the devices.
    # It warns of tracing again for each new model, which is meant here.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)

    job.run(settings, overwrite=overwrite, live=progress.terminal())
    return DONE
