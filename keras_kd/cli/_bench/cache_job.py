"""Writes the cache of `keras-kd cache`."""

from keras_kd.cli._bench import identities
from keras_kd.cli._bench import prepare
from keras_kd.cli._bench.answers import CacheFolder
from keras_kd.cli._bench.arms import TEACHER
from keras_kd.cli._bench.job import Job
from keras_kd.cli._shell.progress import Progress
from keras_kd.cli._shell.settings import resolve
from keras_kd.cli._shell.terminal import fold


def run(settings, *, say=print, live=None):
    """Stores a teacher's outputs for all training images.

    Args:
        settings: A `CacheSettings`.
        say: Takes a line for the user. Defaults to `print`.
        live: See `Progress`.

    Returns:
        A `teachers.CachedTeacher`.

    Raises:
        UnusableError: If settings, files or data cannot be used, or the folder
            holds another cache.
    """
    folder = CacheFolder(settings.output, "output")
    folder.prepare()
    bench = prepare.load(resolve(settings.as_distill()), say, folder)
    if bench.is_teacher_trained:
        folder.check_teacher(bench.teacher)
    images = bench.data.train_images
    say(
        f"{bench.data.name}: the teacher is asked about all {len(images):,} "
        "training images."
    )
    is_there = folder.open() is not None
    progress = Progress({TEACHER: 1}, say=say, live=live)
    cached = folder.write(
        _teacher(settings, bench, folder, progress),
        images,
        taps=settings.taps,
        top_k=settings.top_k,
        dtype=settings.dtype,
        batch_size=settings.batch_size,
    )
    names = ("image_size", "limit", "teacher")
    given = [name for name in names if getattr(settings, name) is not None]
    same = [f"--{name}" for name in ("dataset", *given)]
    state = "Kept from before in" if is_there else "Written to"
    say(
        fold(
            f"{state} {settings.output}: what the teacher says about "
            f"{cached.num_examples:,} examples, {folder.num_bytes():,} bytes. "
            f"Use it with `keras-kd distill --cache={settings.output}`, and "
            f"the same {', '.join(same)}."
        )
    )
    return cached


def _teacher(settings, bench, folder, progress):
    """Returns the given teacher, or trains and keeps one."""
    if settings.teacher:
        return bench.teacher
    job = folder.keep_teacher(
        identities.of_teacher(bench),
        lambda state: Job(bench, state, progress).with_teacher(),
    )
    return job.bench.teacher
