"""Main job: measures the gain by distillation."""

import dataclasses

import keras
import numpy as np

from keras_kd._core import model_weights
from keras_kd.cli._bench import answers
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import estimates
from keras_kd.cli._bench import identities
from keras_kd.cli._bench import outcome
from keras_kd.cli._bench import outputs
from keras_kd.cli._bench import prepare
from keras_kd.cli._bench import state as job_state
from keras_kd.cli._bench.step_clock import StepClock
from keras_kd.cli._shell.progress import Progress
from keras_kd.cli._shell.settings import resolve
from keras_kd.cli._shell.terminal import fold

BEFORE = "kept from before"


def run(settings, *, overwrite=False, say=print, live=None):
    """Trains a teacher and all students, and writes a comparison.

    Finished parts stay in the output folder; a call with equal settings
    resumes after them.

    Args:
        settings: A `Settings`.
        overwrite: Whether another job's results in the output folder may be
            deleted. Defaults to `False`.
        say: Takes a line for the user. Defaults to `print`.
        live: See `Progress`.

    Returns:
        An `Outcome`.

    Raises:
        UnusableError: If settings, files or data cannot be used; nothing has
            been trained then.
    """
    settings = resolve(settings)
    job_state.prepare_folder(settings.output)
    if settings.cache:
        job_state.prepare_folder(settings.cache, "cache")
    bench = prepare.prepare(settings, say)
    state = job_state.State(
        settings.output,
        identities.of_job(bench),
        overwrite,
        files=outputs.FILES,
    )
    say(outcome.describe(bench))
    counts = {arms.TEACHER: 1} | {
        arm: settings.seeds
        + len(arms.tried_rates(arm, bench.settings)) * len(arms.CHOICE_SEEDS)
        for arm in arms.ARMS
    }
    job = Job(bench, state, follow(bench, state, counts, say, live))
    job = job.with_teacher()
    if settings.cache:
        job = job.with_answers()
    job.warn()
    rates = {arm: job.choose_rate(arm) for arm in arms.ARMS}
    for seed in range(settings.seeds):
        for arm in arms.ARMS:
            job.student(arm, rates[arm], seed)
    result = outcome.measure(job.bench, state, rates)
    say("")
    say(outputs.terminal(result))
    outputs.write(job.bench, state, result)
    files = ", ".join(outputs.FILES)
    say("\n" + fold(f"Written to {settings.output}: {files}."))
    return result


def follow(bench, state, counts, say, live):
    """Follows a job; estimates the duration of a new one.

    Args:
        bench: The `Bench`.
        state: The `State`.
        counts: How many models there are of each kind, the teacher included.
        say: See `run`.
        live: See `run`.

    Returns:
        A `Progress`.
    """
    expected = estimates.expected_seconds(bench)
    progress = Progress(counts, expected, say, live)
    if state.load(arms.TEACHER) is None:
        trained = progress.total - bench.is_teacher_trained
        epochs = bench.settings.epochs
        say(fold(estimates.sentence(progress.left(), trained, epochs)))
    return progress


@dataclasses.dataclass(frozen=True)
class Job:
    """Steps of a job; each is skipped if its result is stored."""

    bench: arms.Bench
    state: job_state.State
    progress: Progress

    def with_teacher(self):
        """The job with a teacher that is trained, and measured."""
        found = self.state.load(arms.TEACHER)
        is_given = self.bench.settings.teacher is not None
        if found is None:
            callbacks = self.progress.watch(arms.TEACHER)
            is_trained = self.bench.is_teacher_trained
            record = {} if is_trained else self._train_teacher(callbacks)
            model = self.bench.teacher
            if not is_given:
                # Without its optimizer, which takes twice the space.
                model = model_weights.equal_copy(model)
            record["accuracy"] = self._validation_accuracy(model)
            self.state.save(
                arms.TEACHER,
                record,
                {"logits": arms.logits_of(model, self.bench.data.test_images)},
                None if is_given else model,
            )
        elif is_given:
            model = self.bench.teacher
        else:
            model = keras.saving.load_model(
                self.state.model_path(arms.TEACHER), compile=False
            )
        job = dataclasses.replace(
            self, bench=dataclasses.replace(self.bench, teacher=model)
        )
        kept = BEFORE if found else None
        if found is None and self.bench.is_teacher_trained:
            kept = "not trained here"
        job.progress.finish(
            arms.TEACHER, arms.TEACHER, job.teacher_accuracy(), kept
        )
        return job

    def with_answers(self):
        """The job with a cache, which is written if it is not finished."""
        bench = self.bench
        folder = prepare.cache_folder(bench.settings)
        folder.check_teacher(bench.teacher)
        if bench.answers is None:
            bench = prepare.with_answers(bench, self._write_cache(folder))
        return dataclasses.replace(self, bench=bench)

    def _write_cache(self, folder):
        bench = self.bench
        if not bench.settings.teacher and folder.own_teacher() is None:
            folder.keep_teacher(identities.of_teacher(bench), self._hand_over)
        self.progress.say(
            f"{folder.path} holds no finished cache: it is written now."
        )
        return folder.write(
            bench.teacher,
            bench.data.train_images,
            taps=answers.taps_of(bench.cached_losses()),
            batch_size=bench.settings.batch_size,
        )

    def _hand_over(self, state):
        """Keeps the teacher in another folder too."""
        record, arrays = self.state.load(arms.TEACHER)
        state.save(arms.TEACHER, record, arrays, self.bench.teacher)

    def _train_teacher(self, callbacks):
        return {"history": self.bench.train_teacher(callbacks)}

    def _validation_accuracy(self, model):
        tuning = self.bench.tuning
        logits = arms.logits_of(model, tuning.test_images)
        return float(np.mean(logits.argmax(axis=-1) == tuning.test_labels))

    def warn(self):
        """Warns of a teacher at chance."""
        accuracy = self.teacher_accuracy()
        warning = outcome.teacher_warning(self.bench, accuracy)
        if warning:
            self.progress.say(fold(warning))

    def teacher_accuracy(self):
        """Accuracy of the teacher on the validation part."""
        return self.state.load(arms.TEACHER)[0]["accuracy"]

    def choose_rate(self, arm):
        """Returns the given rate, or the best on the validation part."""
        rates = arms.tried_rates(arm, self.bench.settings)
        if not rates:
            return self.bench.settings.learning_rate
        means = {
            rate: np.mean(
                [
                    self.student(arm, rate, seed, is_choice=True)
                    for seed in arms.CHOICE_SEEDS
                ]
            )
            for rate in rates
        }
        return max(means, key=means.get)

    def student(self, arm, rate, seed, is_choice=False):
        """Trains a student unless it is there.

        Returns:
            Its accuracy on the validation part.
        """
        shown = self.bench.shown(arm)
        what = f"{shown}, seed {seed}"
        name = arms.student_name(shown, seed)
        if is_choice:
            what = f"{shown}, rate {rate:g}"
            name = arms.student_name(shown, seed, rate)
        found = self.state.load(name)
        if found is None:
            clock = StepClock()
            callbacks = [*self.progress.watch(what), clock]
            if arm == arms.DISTILLED:
                callbacks += self.progress.diagnose(self.bench.settings.method)
            trained = self.bench.train(arm, rate, seed, callbacks)
            record = {
                "rate": rate,
                "history": trained.history,
                "step_seconds": clock.median,
            }
            arrays = {}
            if not is_choice:
                images = self.bench.data.test_images
                arrays["logits"] = arms.logits_of(trained.model, images)
            keeps = arm == arms.DISTILLED and not is_choice
            self.state.save(
                name, record, arrays, trained.saved if keeps else None
            )
        else:
            record, _ = found
        accuracy = record["history"]["val_accuracy"][-1]
        self.progress.finish(arm, what, accuracy, BEFORE if found else None)
        return accuracy
