"""`keras-kd search`: the flags."""

from absl import flags

from keras_kd.cli import distill
from keras_kd.cli._search import processes
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._search.settings import resolve
from keras_kd.cli._shell import launch

INTRODUCTION = """\
Which method, and with which temperature, weights and learning rate? Trains a
teacher, asks it once about all images, and lets a tuner of keras-tuner try
settings of `keras-kd distill`, the defaults first, judged on the validation
part. Prints the best trials, how much each knob mattered, and the best settings
as a `keras-kd distill` line; writes search.md, student.keras, trials.csv and
plots. With a limit on the student, its width is searched too, and the best
accuracy at each cost is shown. After an interruption, or a kill, the same
command goes on; a higher --max_trials adds some.

With --workers=N, N processes train at a time. On several machines that share
--output, start the same command in each, with these variables:
  KERASTUNER_TUNER_ID=chief     in one, which trains the teacher and no trial;
                                worker0, worker1 ... in the others
  KERASTUNER_ORACLE_IP, KERASTUNER_ORACLE_PORT
                                where the chief listens, the same in all
Start a worker that was lost again, under its name: the chief waits for it."""

_LIKEWISE = "likewise"
HELP = {
    "dataset": distill.HELP["dataset"],
    "data_dir": distill.HELP["data_dir"],
    "image_size": distill.HELP["image_size"],
    "limit": distill.HELP["limit"],
    "methods": "names that `keras-kd methods` lists, with commas between them; "
    "otherwise soft targets, alone and with hints or attention where the "
    "models have layers to compare",
    "temperature": "fixes it; otherwise searched, for the methods that have it",
    "loss_weight": _LIKEWISE,
    "student_loss_weight": _LIKEWISE,
    "learning_rate": _LIKEWISE,
    "max_parameters": "trains no student of more parameters; without "
    "--student, searches the width of the built-in one",
    "max_bytes": "likewise, of a larger student.keras",
    "max_milliseconds": "likewise, that takes longer for an image on this "
    "machine",
    "tuner": "bayesian, random, hyperband (which trains most settings for few "
    "epochs) or grid (lowest, default and highest value of each knob)",
    "max_trials": "settings to try, those of earlier calls included",
    "seeds": "students in each trial, whose mean counts",
    "epochs": distill.HELP["epochs"],
    "batch_size": distill.HELP["batch_size"],
    "fraction": distill.HELP["fraction"],
    "teacher": distill.HELP["teacher"],
    "student": distill.HELP["student"],
    "cache": "folder of `keras-kd cache`, filled if empty; otherwise one in "
    "the output folder",
    "strategy": "one_device, or mirrored: all GPUs of a machine for each trial",
    "workers": "processes that train on this machine, beside a chief; 0 trains "
    "in one",
    "output": distill.HELP["output"],
    "directory": "another place for the folder `search` of the tuner than the "
    "output folder",
    "resume": "refuse to begin a search where there is none to go on with; "
    "without it, the same command goes on too",
    "overwrite": "begin anew, and throw away what another job left in the "
    "output folder; the same teacher and its cache stay",
}
COUNTS = (
    "max_parameters",
    "max_bytes",
    "max_trials",
    "seeds",
    "epochs",
    "batch_size",
    "limit",
    "workers",
)
NUMBERS = (
    "max_milliseconds",
    "temperature",
    "loss_weight",
    "student_loss_weight",
    "learning_rate",
    "fraction",
)


def make_flags():
    """The flags, in an object of their own: nothing global is touched."""
    values = flags.FlagValues()
    for name, text in HELP.items():
        define = flags.DEFINE_string
        if name in COUNTS:
            define = flags.DEFINE_integer
        elif name in NUMBERS:
            define = flags.DEFINE_float
        elif name == "methods":
            define = flags.DEFINE_list
        elif name in ("resume", "overwrite"):
            define = flags.DEFINE_bool
        define(name, getattr(SearchSettings(), name), text, flag_values=values)
    return values


def main(arguments):
    """Runs the command.

    Args:
        arguments: What follows `keras-kd search`.

    Returns:
        The exit code.
    """
    return launch.main(
        "search", INTRODUCTION, make_flags(), arguments, _prepare
    )


def _prepare(values):
    processes.end_with_parent()
    given = launch.given(values, SearchSettings)
    if given["methods"] is not None:
        given["methods"] = tuple(given["methods"])
    settings = SearchSettings(**given)
    resolve(settings)
    if settings.workers:
        # It starts others and needs no TensorFlow itself.
        return (
            settings.output,
            lambda: processes.supervise(settings),
            False,
        )

    def work():
        launch.say_reading(settings)
        from keras_kd.cli._search import job
        from keras_kd.cli._shell import progress

        job.run(settings, live=progress.terminal())

    return settings.output, work
