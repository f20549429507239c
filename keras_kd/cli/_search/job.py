"""Searches the flags of `keras-kd distill`."""

import warnings

import keras_kd
from keras_kd import search
from keras_kd.cli._bench import outcome
from keras_kd.cli._bench import outputs
from keras_kd.cli._bench import state as job_state
from keras_kd.cli._search import found
from keras_kd.cli._search import found_files
from keras_kd.cli._search import prepare
from keras_kd.cli._search.settings import STRATEGIES
from keras_kd.cli._search.settings import resolve
from keras_kd.cli._search.space import METHOD
from keras_kd.cli._search.space import OBJECTIVE
from keras_kd.cli._search.space import FlagHyperModel
from keras_kd.cli._shell.progress import TrialProgress
from keras_kd.search import chief

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
        A `found.Found`, or `None` in a worker.

    Raises:
        UnusableError: If settings, files or data cannot be used; no trial has
            begun then.
    """
    alternatives = resolve(settings)
    with prepare.in_flags(settings):
        chief.check()
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
        say(outputs.fold(warning))
    first = job.bench.alternatives[0].method
    progress = TrialProgress(
        settings.max_trials, lambda knobs: knobs.get(METHOD, first), say, live
    )
    hypermodel = FlagHyperModel(job.bench, settings, progress.watch)
    say(outputs.fold(found.describe(settings, hypermodel.knobs)))
    tuner = _tuner(settings, hypermodel, begun, strategy, say, progress)
    if chief.is_chief():
        say("The chief waits for workers.")
    with warnings.catch_warnings():
        # Of the Gaussian process, which warns in most searches.
        warnings.filterwarnings("ignore", "The optimal value found for dim")
        tuner.search(verbose=0)
    return _finish(settings, job, hypermodel, tuner, say)


def _tuner(settings, hypermodel, begun, strategy, say, progress=None):
    """Makes the tuner, and reports trials of an earlier call."""
    options = {}
    if settings.tuner == "hyperband":
        options["max_epochs"] = settings.epochs
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
        say(outputs.fold(line))
    return tuner


def _finish(settings, job, hypermodel, tuner, say):
    """Reads the test part, for the best student, and writes everything."""
    result = found.measure(settings, job, hypermodel, tuner)
    say("")
    say(found_files.terminal(result))
    found_files.write(result, job.state.outputs)
    files = ", ".join(found_files.FILES)
    say("\n" + outputs.fold(f"Written to {settings.output}: {files}."))
    return result
