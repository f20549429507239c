"""Searches the flags of `keras-kd distill`."""

import contextlib
import io
import warnings

import keras_kd
from keras_kd import search
from keras_kd.cli import search_found
from keras_kd.cli import search_outputs
from keras_kd.cli import search_prepare
from keras_kd.cli import search_settings
from keras_kd.cli import search_space
from keras_kd.cli._bench import outcome
from keras_kd.cli._bench import outputs
from keras_kd.cli._bench import state as job_state
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli.search_progress import TrialProgress
from keras_kd.search import chief
from keras_kd.search.from_functions import FunctionHyperModel

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
        A `search_found.Found`, or `None` in a worker.

    Raises:
        UnusableError: If settings, files or data cannot be used; no trial has
            begun then.
    """
    alternatives = search_settings.resolve(settings)
    strategy = keras_kd.distribution.strategy(settings.strategy)
    job_state.prepare_folder(settings.output)
    for flag in ("cache", "directory"):
        if getattr(settings, flag) is not None:
            job_state.prepare_folder(getattr(settings, flag), flag)
    if chief.is_worker():
        search_prepare.await_cache(settings.cache_path, say)
    else:
        search_prepare.check_resume(settings)
    job, knobs = search_prepare.begin(settings, alternatives, say, live)
    if chief.is_worker():
        space = search_space.Space(job.bench, knobs, settings.seeds)
        # The chief may have to measure the teacher first.
        chief.wait(search_prepare.PATIENCE_SECONDS)
        _tuner(settings, space, strategy, say).search(verbose=0)
        say("No trial is left: the chief writes the results.")
        return None
    job = job.with_teacher().with_answers()
    warning = outcome.teacher_warning(job.bench, job.teacher_accuracy())
    if warning:
        say(outputs.fold(warning))
    first_method = job.bench.alternatives[0].method
    progress = TrialProgress(settings.max_trials, first_method, say, live)
    space = search_space.Space(job.bench, knobs, settings.seeds, progress.watch)
    say(outputs.fold(search_found.describe(settings, knobs)))
    tuner = _tuner(settings, space, strategy, say, progress)
    search_prepare.keep_identity(job.bench, settings)
    if chief.is_chief():
        say("The chief waits for workers.")
    with warnings.catch_warnings():
        # Of the Gaussian process, which warns in most searches.
        warnings.filterwarnings("ignore", "The optimal value found for dim")
        tuner.search(verbose=0)
    return _finish(settings, job, space, tuner, say)


def _tuner(settings, space, strategy, say, progress=None):
    """Makes the tuner, and reports trials of an earlier call."""
    options = {}
    if settings.tuner == "hyperband":
        options["max_epochs"] = settings.epochs
        options["hyperband_iterations"] = ROUNDS
    if settings.tuner == "bayesian":
        options["num_initial_points"] = max(3, settings.max_trials // 4)
    if settings.strategy != search_settings.STRATEGIES[0]:
        options["distribution_strategy"] = strategy
    lines = []
    try:
        # keras-tuner prints that it reloads.
        with contextlib.redirect_stdout(io.StringIO()):
            tuner = search.make_tuner(
                settings.tuner,
                FunctionHyperModel(space.build, space.fit),
                objective=search_space.OBJECTIVE,
                max_trials=settings.max_trials,
                directory=settings.tuner_directory,
                project_name=search_prepare.PROJECT,
                executions_per_trial=settings.seeds,
                seed=SEED,
                on_trial=progress and progress.finish,
                say=lines.append,
                **options,
            )
    except (ValueError, TimeoutError) as error:
        text = str(error).replace("`overwrite=True`", "`--overwrite`")
        raise UnusableError(text) from error
    if progress is not None:
        progress.keep(search.results(tuner))
    for line in lines:
        say(outputs.fold(line))
    return tuner


def _finish(settings, job, space, tuner, say):
    """Reads the test part, for the best student, and writes everything."""
    found = search_found.measure(settings, job, space, tuner)
    say("")
    say(search_outputs.terminal(found))
    search_outputs.write(found, job.state.outputs)
    files = ", ".join(search_outputs.FILES)
    say("\n" + outputs.fold(f"Written to {settings.output}: {files}."))
    return found
