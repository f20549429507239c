"""Loads and validates the data and models of a job."""

import dataclasses

import keras
import numpy as np

import keras_kd
from keras_kd import teachers
from keras_kd.cli import methods
from keras_kd.cli._bench import answers
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench.answers import CacheFolder
from keras_kd.cli._bench.arms import TEACHER_SEED
from keras_kd.cli._bench.arms import Bench
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.models import small_convnet

TEACHER_WIDTHS = (32, 64, 128)
STUDENT_WIDTHS = (8, 16)
ELSEWHERE = (
    "For masks, boxes, texts and numbers, write a script: docs/jobs.md of "
    "keras_kd has ten lines for each."
)


def prepare(settings, say=print):
    """Loads data, models and a cache, and tries out one Distiller.

    Args:
        settings: A resolved `Settings`.
        say: Takes a line for the user. Defaults to `print`.

    Returns:
        A `Bench`, whose teacher is not yet trained if there was none; with
        answers if there is a finished cache.

    Raises:
        UnusableError: If a part cannot be used, or the parts do not fit.
    """
    folder = cache_folder(settings)
    return fit_together(load(settings, say, folder), folder)


def fit_together(bench, folder=None):
    """Opens the cache as far as it is written, and tries out each method.

    Args:
        bench: A `Bench`.
        folder: A `CacheFolder`, or `None`.

    Returns:
        The `Bench`, with answers if there is a finished cache.

    Raises:
        UnusableError: If the parts do not fit.
    """
    if folder is not None:
        bench = _with_cache(bench, folder)
    try_out(bench)
    return bench


def cache_folder(settings):
    """The `CacheFolder` of a distillation, or `None`."""
    return settings.cache and CacheFolder(settings.cache, "cache")


def load(settings, say=print, folder=None):
    """Loads data and models.

    Args:
        settings: A resolved `Settings`.
        say: Takes a line for the user. Defaults to `print`.
        folder: A `CacheFolder` that may hold the teacher, or `None`.

    Returns:
        A `Bench`.

    Raises:
        UnusableError: If a part cannot be used.
    """
    data = data_sets.load(settings)
    paths = {"teacher": settings.teacher, "student": settings.student}
    if folder is not None:
        paths["teacher"] = paths["teacher"] or folder.own_teacher()
    models = {role: load_model(path, role) for role, path in paths.items()}
    for role, model in models.items():
        if model is not None:
            check_fits(role, paths[role], model, data)
    teacher, student = models.values()
    classes = _num_classes(teacher, student, data)
    method = methods.METHODS[settings.method]
    if method.make_student is not None:
        student = method.make_student(data.image_shape, classes)
    if teacher is not None and teachers.logits(teacher) is not teacher:
        say("The teacher ends in softmax or sigmoid: its logits are used.")
        teacher = teachers.logits(teacher)
    tuning = data_sets.hold_out(data)
    keras.utils.set_random_seed(TEACHER_SEED)
    return Bench(
        settings=data_sets.fill_in(settings, tuning),
        data=data,
        tuning=tuning,
        num_classes=classes,
        teacher=teacher
        or small_convnet(data.image_shape, classes, TEACHER_WIDTHS, "teacher"),
        student=student
        or small_convnet(data.image_shape, classes, STUDENT_WIDTHS, "student"),
        is_teacher_trained=teacher is not None,
    )


def _with_cache(bench, folder):
    """Opens the cache as far as it is written."""
    if bench.is_teacher_trained:
        folder.check_teacher(bench.teacher)
    cached = folder.open()
    losses = bench.cached_losses()
    if cached is None:
        count = len(bench.data.train_labels)
        answers.check_room(bench.teacher, losses, bench.settings, count)
        return bench
    answers.check_taps(cached, losses, bench)
    return with_answers(bench, cached)


def with_answers(bench, cached):
    """A `Bench` whose distilled students learn from a cache.

    Raises:
        UnusableError: If it is a cache of other images.
    """
    rows = answers.read(cached, bench.data.train_images)
    numbers = data_sets.hold_out(answers.numbered(bench.data))
    found = answers.CachedAnswers(cached, rows, numbers)
    return dataclasses.replace(bench, answers=found)


def load_model(path, role):
    """Loads a saved model.

    Args:
        path: Its path, or `None`.
        role: `"teacher"` or `"student"`, the name of the flag.

    Returns:
        A built model, or `None` without a path.

    Raises:
        UnusableError: If it cannot be read.
    """
    if path is None:
        return None
    # Saved models find the classes of modules that have been imported.
    for name in keras_kd.__all__:
        getattr(keras_kd, name)
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises all kinds for a damaged file.
        reason = str(error).strip().split("\n")[0]
        raise UnusableError(
            f"`--{role}` must be a model that Keras can load. Received: "
            f"--{role}={path} ({type(error).__name__}: {reason}). Save it "
            'again with `model.save("name.keras")`; classes of your own must '
            "be registered, and a script of yours must do the loading."
        ) from error
    return model


def check_fits(role, path, model, data):
    """Validates that a model's input and output fit the data."""
    received = f"Received: --{role}={path}"
    for side in ("input", "output"):
        if not isinstance(getattr(model, f"{side}_shape", None), tuple):
            raise UnusableError(
                f"`--{role}` must have one input and one output, since the "
                f"data are images with a class. {received}, whose {side} is "
                f"another. {ELSEWHERE}"
            )
    expected, given = model.input_shape[1:], data.image_shape
    if len(expected) != len(given) or any(
        ours not in (None, theirs)
        for ours, theirs in zip(expected, given, strict=True)
    ):
        raise UnusableError(
            f"`--{role}` must take images of shape {given}, since those are "
            f"the data's. {received}, which takes {expected}. Give it layers "
            "in front that resize, such as `keras.layers.Resizing`."
        )
    classes = model.output_shape[-1]
    if len(model.output_shape) != 2 or classes is None or classes < 2:
        raise UnusableError(
            f"`--{role}` must give one number per class, since the data are "
            f"images with a class. {received}, which gives "
            f"{model.output_shape}. {ELSEWHERE}"
        )
    labels = np.concatenate([data.train_labels, data.test_labels])
    if labels.max() >= classes:
        raise UnusableError(
            f"`--{role}` must know every class of the data, whose labels go "
            f"up to {labels.max()}. {received}, which has {classes} outputs: "
            f"its labels are 0 to {classes - 1}."
        )


def _num_classes(teacher, student, data):
    """Number of outputs of the models that were given, or of classes."""
    given = [m.output_shape[-1] for m in (teacher, student) if m is not None]
    if len(set(given)) > 1:
        raise UnusableError(
            "`--teacher` and `--student` must score the same classes. "
            f"Received: {given[0]} outputs of the teacher and {given[1]} of "
            "the student."
        )
    return given[0] if given else data.num_classes


def try_out(bench):
    """Makes the Distiller of each method for the models.

    Raises:
        UnusableError: If they do not fit together.
    """
    try:
        for variant in bench.variants():
            student = teachers.logits(bench.student)
            variant.trainer(variant.distilled(student))
    except UnusableError:
        raise
    except (ValueError, TypeError) as error:
        raise UnusableError(
            "`--teacher` and `--student` must be models that "
            f"{bench.method_flag} can compare. Received: {error}"
        ) from error
