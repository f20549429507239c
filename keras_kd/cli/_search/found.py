"""Result of a search: the best trial, its student, its `distill` line."""

import dataclasses
import os
import shlex

import keras
import numpy as np

from keras_kd import search
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import data_sets
from keras_kd.cli._search.settings import RATE
from keras_kd.cli._search.settings import TUNED_FLAGS
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._search.space import FlagHyperModel
from keras_kd.cli._shell.settings import Settings
from keras_kd.search.knobs import is_searched


@dataclasses.dataclass(frozen=True)
class Found:
    """Result of a search.

    Attributes:
        settings: The `SearchSettings`.
        bench: The `Bench`.
        hypermodel: The `FlagHyperModel`.
        results: All trials as `search.TrialResult`s, the best first.
        chosen: The `Settings` of each of them.
        importance: A `search.Importance`.
        student: The best student, as the user will load it.
        accuracy: Of this student, on the test part.
        teacher_accuracy: Of the teacher, on the test part.
        teacher_validation: Of the teacher, on the validation part.
    """

    settings: SearchSettings
    bench: arms.Bench
    hypermodel: FlagHyperModel
    results: list[search.TrialResult]
    chosen: list[Settings]
    importance: search.Importance
    student: keras.Model
    accuracy: float
    teacher_accuracy: float
    teacher_validation: float

    @property
    def best(self):
        """The best trial, a `search.TrialResult`."""
        return self.results[0]

    @property
    def command(self):
        """The `keras-kd distill` line of the best trial."""
        return distill_line(self.chosen[0], self.settings, self.bench.tuning)


def measure(settings, job, hypermodel, tuner):
    """Reads the test part, for the best student.

    Args:
        settings: The `SearchSettings`.
        job: A `Job` with teacher and answers.
        hypermodel: A `FlagHyperModel`.
        tuner: The tuner, whose search has ended.

    Returns:
        A `Found`.

    Raises:
        RuntimeError: If no trial has a score.
    """
    results = search.results(tuner)
    if not results or results[0].score is None:
        raise RuntimeError(
            "No trial was finished. The last one said: "
            f"{results[-1].message if results else 'nothing'}"
        )
    (distiller,) = tuner.get_best_models()
    student = hypermodel.best_student(distiller)
    bench = job.bench
    _, arrays = job.state.load(arms.TEACHER)
    return Found(
        settings=settings,
        bench=bench,
        hypermodel=hypermodel,
        results=results,
        chosen=[hypermodel.settings(one.knobs) for one in results],
        importance=search.importance(results),
        student=student,
        accuracy=_accuracy(
            bench, arms.logits_of(student, bench.data.test_images)
        ),
        teacher_accuracy=_accuracy(bench, arrays["logits"]),
        teacher_validation=job.teacher_accuracy(),
    )


def _accuracy(bench, scores):
    return float(np.mean(scores.argmax(axis=-1) == bench.data.test_labels))


def distill_line(chosen, settings, tuning):
    """The `keras-kd distill` command with the settings of a trial.

    Args:
        chosen: The `Settings` of the trial.
        settings: The `SearchSettings`.
        tuning: The images, which decide some defaults.
    """
    default = Settings(dataset=chosen.dataset, batch_size=chosen.batch_size)
    default = data_sets.fill_in(default, tuning)
    given = {"method": chosen.method}
    for name in (*TUNED_FLAGS, RATE):
        if getattr(chosen, name) is not None:
            given[name] = getattr(chosen, name)
    if chosen.dataset != Settings.dataset:
        given["dataset"] = chosen.dataset
    if chosen.batch_size != Settings.batch_size:
        given["batch_size"] = chosen.batch_size
    for name in ("data_dir", "image_size", "limit", "epochs", "fraction"):
        if getattr(chosen, name) != getattr(default, name):
            given[name] = getattr(chosen, name)
    for name in ("teacher", "student", "cache"):
        if getattr(chosen, name) is not None:
            given[name] = getattr(chosen, name)
    given["output"] = os.path.join(settings.output, "distill")
    flags = [shlex.quote(f"--{name}={value}") for name, value in given.items()]
    return " ".join(["keras-kd distill", *flags])


def describe(settings, knobs):
    """Describes the trials and knobs of a search, as text."""
    turned = [name for name, knob in knobs.items() if is_searched(knob)]
    students = f"{settings.seeds} students each, " if settings.seeds > 1 else ""
    return (
        f"{settings.max_trials} trials, {students}over "
        f"{', '.join(turned)}; tuner: {settings.tuner}. Below, accuracies on "
        "the validation part."
    )


def verdict(found):
    """A sentence on the best trial."""
    best = found.best
    text = (
        f"The best has {100 * best.score:.1f} % on the validation part, "
        f"by which it was chosen, and {100 * found.accuracy:.1f} % on the test "
        "part, by which nothing was chosen; the teacher has "
        f"{100 * found.teacher_validation:.1f} % and "
        f"{100 * found.teacher_accuracy:.1f} %."
    )
    epochs = found.bench.settings.epochs
    if best.epochs is not None and best.epochs < epochs:
        text += (
            f" It was trained for {best.epochs} of {epochs} "
            "epochs: with more trials, hyperband trains the best to the end."
        )
    if found.settings.seeds > 1:
        text += (
            f" The first is the mean of {found.settings.seeds} students, of "
            "which student.keras is the best."
        )
    return text
