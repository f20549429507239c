"""`keras-kd cache`: the flags."""

import dataclasses

from absl import flags

from keras_kd.cli._shell import launch
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.settings import check
from keras_kd.cli._shell.settings import resolve

INTRODUCTION = """\
Stores what a teacher says about all training images of a data set, so that it
runs once and not in every epoch. `keras-kd distill --cache=DIR` learns from
that, as does a script with `keras_kd.teachers.CachedTeacher(DIR)`.

The teacher that is trained by default is that of `keras-kd distill`; it is kept
in the folder. After an interruption, or a kill, the same command goes on behind
the last whole shard."""


@dataclasses.dataclass(frozen=True)
class CacheSettings:
    """Settings of `keras-kd cache`.

    Attributes:
        dataset: See `Settings`.
        data_dir: See `Settings`.
        image_size: See `Settings`.
        limit: See `Settings`.
        teacher: Path of a saved model, or `None` to train one.
        epochs: Passes over the training images, for a teacher to be trained.
        batch_size: Images that the teacher takes at a time.
        dtype: What numbers are stored in.
        top_k: Number of logits to store, `None` for all.
        taps: Names of layers to store beside the output.
        output: Folder of the cache.
    """

    dataset: str = Settings.dataset
    data_dir: str | None = None
    image_size: str | None = None
    limit: int | None = None
    teacher: str | None = None
    epochs: int | None = Settings.epochs
    batch_size: int = Settings.batch_size
    dtype: str = "float16"
    top_k: int | None = None
    taps: tuple[str, ...] = ()
    output: str = "keras_kd_cache"

    def as_distill(self):
        """The `Settings` that share their data and teacher with these."""
        return Settings(
            dataset=self.dataset,
            data_dir=self.data_dir,
            image_size=self.image_size,
            limit=self.limit,
            teacher=self.teacher,
            epochs=self.epochs,
            batch_size=self.batch_size,
        )


def make_flags():
    """The flags, in an object of their own: nothing global is touched."""
    values = flags.FlagValues()
    default = CacheSettings()

    def define(kind, name, text, *options):
        given = getattr(default, name) or None
        kind(name, given, *options, text, flag_values=values)

    text, count = flags.DEFINE_string, flags.DEFINE_integer
    define(text, "dataset", "as for `keras-kd distill`")
    define(text, "data_dir", "where tensorflow-datasets keeps its files")
    define(text, "image_size", "as for `keras-kd distill`")
    define(count, "limit", "read so many images at most, likewise")
    define(
        text,
        "teacher",
        "a saved model, for images in [0, 1]; otherwise a small convolutional "
        "network is trained",
    )
    define(
        count, "epochs", "passes over the images for a teacher to be trained"
    )
    define(
        count,
        "batch_size",
        "images that the teacher takes at a time, in training too",
    )
    types = ["float16", "float32"]
    define(flags.DEFINE_enum, "dtype", "what numbers are stored in", types)
    define(
        count,
        "top_k",
        "store so many of the highest logits, and the sum of the others",
    )
    define(
        flags.DEFINE_list,
        "taps",
        "layers of the teacher to store beside its output, as for "
        "--method=hints; their paths, with commas between them",
    )
    define(text, "output", "folder for the cache")
    return values


def main(arguments):
    """Runs the command.

    Args:
        arguments: What follows `keras-kd cache`.

    Returns:
        The exit code.
    """
    return launch.main("cache", INTRODUCTION, make_flags(), arguments, _prepare)


def _prepare(values):
    given = launch.given(values, CacheSettings)
    settings = CacheSettings(**given | {"taps": tuple(values.taps or ())})
    _check(settings)

    def work():
        launch.say_reading(settings)
        from keras_kd.cli._bench import cache_job
        from keras_kd.cli._shell import progress

        cache_job.run(settings, live=progress.terminal())

    return settings.output, work


def _check(settings):
    if settings.top_k is not None:
        check("top_k", settings.top_k, settings.top_k >= 1, "1 or more")
    resolve(settings.as_distill())
