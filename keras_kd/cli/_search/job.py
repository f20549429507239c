"""Searches the flags of `keras-kd distill`."""

import dataclasses
import os
import shlex
import warnings

import keras
import numpy as np

import keras_kd
from keras_kd import search
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import outcome
from keras_kd.cli._bench import state as job_state
from keras_kd.cli._search import found_files
from keras_kd.cli._search import prepare
from keras_kd.cli._search import students
from keras_kd.cli._search.settings import RATE
from keras_kd.cli._search.settings import STRATEGIES
from keras_kd.cli._search.settings import TUNED_FLAGS
from keras_kd.cli._search.settings import SearchSettings
from keras_kd.cli._search.settings import resolve
from keras_kd.cli._search.space import METHOD
from keras_kd.cli._search.space import OBJECTIVE
from keras_kd.cli._search.space import FlagHyperModel
from keras_kd.cli._search.students import WIDTH
from keras_kd.cli._shell import launch
from keras_kd.cli._shell.progress import TrialProgress
from keras_kd.cli._shell.settings import Settings
from keras_kd.cli._shell.terminal import fold
from keras_kd.search import chief
from keras_kd.search.knobs import is_searched
from keras_kd.search.limits import NoStudentError

# A fixed one, so that the same command makes the same trials; a resumed
# bayesian search continues with others.
SEED = 1
# Of hyperband: the number of trials ends it.
ROUNDS = 10_000


def run(settings, *, say=print, live=None):
    """Trains a teacher, searches, and writes the results.

    Finished parts stay in the output folder; a call with equal settings
    resumes after them. Of several processes the chief writes, and a worker only
    trains trials.

    Args:
        settings: A `SearchSettings`.
        say: Takes a line for the user. Defaults to `print`.
        live: See `Progress`.

    Returns:
        A `Found`, or `None` in a worker.

    Raises:
        UnusableError: If settings, files or data cannot be used; no trial has
            begun then.
    """
    alternatives = resolve(settings)
    with prepare.in_flags(settings):
        chief.check()
    strategy = None
    if keras.backend.backend() == launch.BACKENDS[0]:
        strategy = keras_kd.distribution.strategy(settings.strategy)
    job_state.prepare_folder(settings.output)
    for flag in ("cache", "directory"):
        if getattr(settings, flag) is not None:
            job_state.prepare_folder(getattr(settings, flag), flag)
    if chief.is_worker():
        prepare.await_chief(settings.output, settings.cache_path, say)
    else:
        prepare.check_resume(settings)
    begun = prepare.begin(settings, alternatives, say, live)
    job = begun.job
    if chief.is_worker():
        hypermodel = FlagHyperModel(job.bench, settings)
        # The chief may have to measure the teacher first.
        chief.wait(prepare.PATIENCE_SECONDS)
        _tuner(settings, hypermodel, begun, strategy, say).search(verbose=0)
        say("No trial is left: the chief writes the results.")
        return None
    job = job.with_teacher().with_answers()
    warning = outcome.teacher_warning(job.bench, job.teacher_accuracy())
    if warning:
        say(fold(warning))
    first = job.bench.alternatives[0].method
    progress = TrialProgress(
        settings.max_trials, lambda knobs: _name(knobs, first), say, live
    )
    hypermodel = FlagHyperModel(job.bench, settings, progress.watch)
    say(fold(describe(settings, hypermodel.knobs)))
    tuner = _tuner(settings, hypermodel, begun, strategy, say, progress)
    if chief.is_chief():
        say("The chief waits for workers.")
    with warnings.catch_warnings():
        # Of the Gaussian process, which warns in most searches.
        warnings.filterwarnings("ignore", "The optimal value found for dim")
        with prepare.in_flags(settings, NoStudentError):
            tuner.search(verbose=0)
    return _finish(settings, job, hypermodel, tuner, say)


def _name(knobs, method):
    width = f", width {knobs[WIDTH]}" if WIDTH in knobs else ""
    return f"{knobs.get(METHOD, method)}{width}"


def _tuner(settings, hypermodel, begun, strategy, say, progress=None):
    """Makes the tuner, and reports trials of an earlier call."""
    options = {}
    if settings.tuner == "hyperband":
        options["max_epochs"] = begun.job.bench.settings.epochs
        options["hyperband_iterations"] = ROUNDS
    if settings.tuner == "bayesian":
        options["num_initial_points"] = max(3, settings.max_trials // 4)
    if settings.strategy != STRATEGIES[0]:
        options["distribution_strategy"] = strategy
    lines = []
    with prepare.in_flags(settings):
        tuner = search.make_tuner(
            settings.tuner,
            hypermodel,
            objective=OBJECTIVE,
            max_trials=settings.max_trials,
            directory=settings.tuner_directory,
            project_name=prepare.PROJECT,
            limits=students.limits_of(settings),
            identity=begun.identity,
            executions_per_trial=settings.seeds,
            seed=SEED,
            on_trial=progress and progress.finish,
            say=lines.append,
            **options,
        )
    if progress is not None:
        progress.keep(search.results(tuner))
    for line in lines:
        say(fold(line))
    return tuner


def _finish(settings, job, hypermodel, tuner, say):
    """Reads the test part, for the best student, and writes everything."""
    result = measure(settings, job, hypermodel, tuner)
    say("")
    say(found_files.terminal(result))
    found_files.write(result, job.state.outputs)
    files = ", ".join(found_files.names_of(result))
    say("\n" + fold(f"Written to {settings.output}: {files}."))
    return result


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
        chosen = self.chosen[0]
        if WIDTH in self.hypermodel.knobs:
            path = os.path.join(self.settings.output, found_files.STUDENT)
            chosen = dataclasses.replace(chosen, student=path)
        return distill_line(chosen, self.settings, self.bench.tuning)


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
    student = hypermodel.best_student(distiller, results[0].knobs)
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
    for name in ("dataset", "batch_size"):
        if getattr(chosen, name) != getattr(Settings, name):
            given[name] = getattr(chosen, name)
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
    each = f"{settings.seeds} students each, " if settings.seeds > 1 else ""
    limits = students.limited(settings)
    return (
        f"{settings.max_trials} trials, {each}over "
        f"{', '.join(turned)}; tuner: {settings.tuner}. Below, accuracies on "
        "the validation part."
        + (f" {students.described(settings)}" if limits else "")
    )
