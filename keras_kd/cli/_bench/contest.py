"""Comparison of several methods under one budget."""

import dataclasses
from typing import NamedTuple

import numpy as np

from keras_kd import report
from keras_kd.cli import methods
from keras_kd.cli._bench import arms
from keras_kd.cli._bench import contest_outputs
from keras_kd.cli._bench import data_sets
from keras_kd.cli._bench import identities
from keras_kd.cli._bench import outcome
from keras_kd.cli._bench import prepare
from keras_kd.cli._bench import state as job_state
from keras_kd.cli._bench.job import Job
from keras_kd.cli._bench.job import follow
from keras_kd.cli._shell.choice import ALL
from keras_kd.cli._shell.choice import resolve_each
from keras_kd.cli._shell.errors import UnusableError
from keras_kd.cli._shell.terminal import fold

# After its rate a method tries these beside its own weight, at that rate.
FACTORS = (0.25, 4.0)


class Standing(NamedTuple):
    """Result of a contest.

    Attributes:
        ranking: A `report.Ranking` of the arms, on the test part.
        accuracies: On the test part, of each seed, by arm.
        rates: The learning rate that each arm chose.
        weights: The weight that each arm chose, `None` if it has none.
        steps: Seconds of a step of each arm, `None` if it had too few.
        parameters: Number of parameters of the student of each arm.
        student: Name of the part that is the best student on the validation
            part, and its arm and seed.
    """

    ranking: report.Ranking
    accuracies: dict[str, list[float]]
    rates: dict[str, float]
    weights: dict[str, float | None]
    steps: dict[str, float | None]
    parameters: dict[str, int]
    student: tuple[str, str, int]


def run(settings, *, overwrite=False, say=print, live=None):
    """Trains students by several methods, and writes a comparison.

    Args:
        settings: A `Settings` that names several methods.
        overwrite: See `job.run`.
        say: See `job.run`.
        live: See `job.run`.

    Returns:
        A `Standing`.

    Raises:
        UnusableError: See `job.run`.
    """

    def leave_out(name, error):
        say(fold(f"Left out: {name}. {error}"))

    alternatives = resolve_each(settings, leave_out)
    job_state.prepare_folder(settings.output)
    folder = prepare.cache_folder(alternatives[0])
    if folder:
        folder.prepare()
    bench = prepare.load(alternatives[0], say, folder)
    alternatives = [
        data_sets.fill_in(one, bench.tuning) for one in alternatives
    ]
    if settings.method == ALL:
        alternatives = _fitting(bench, alternatives, leave_out)
    bench = dataclasses.replace(
        bench,
        settings=alternatives[0],
        alternatives=tuple(alternatives),
        flag="method",
    )
    bench = prepare.fit_together(bench, folder)
    state = job_state.State(
        settings.output,
        _identity(bench),
        overwrite,
        files=contest_outputs.FILES,
    )
    say(outcome.describe(bench))
    progress = follow(bench, state, _counts(bench), say, live)
    job = Job(bench, state, progress).with_teacher()
    if folder:
        job = job.with_answers()
    job.warn()
    found = _measure(job, _students(job))
    say("")
    say(contest_outputs.terminal(found))
    contest_outputs.write(job.bench, state, found)
    files = ", ".join(contest_outputs.FILES)
    say("\n" + fold(f"Written to {settings.output}: {files}."))
    return found


def _fitting(bench, alternatives, leave_out):
    """Lists the methods, by their `Settings`, that fit the models.

    Raises:
        UnusableError: If the first does not.
    """
    first, *others = alternatives
    # Soft targets, which fit all pairs: what is wrong there is wrong for all.
    prepare.try_out(bench.with_settings(first))
    found = [first]
    for one in others:
        try:
            prepare.try_out(bench.with_settings(one))
        except UnusableError as error:
            leave_out(one.method, error)
        else:
            found.append(one)
    return found


def _identity(bench):
    """Describes a contest, as a dict for JSON."""
    found = identities.of_job(bench)
    for name in methods.FLAGS:
        found.pop(name, None)
    found["method"] = [one.method for one in bench.alternatives]
    # Another version may have other defaults.
    found["defaults"] = {
        one.method: {name: getattr(one, name) for name in methods.FLAGS}
        for one in bench.alternatives
    }
    return found


def _counts(bench):
    """Counts the models of each kind, by name."""
    controls = (arms.ALONE, arms.SMOOTHING)
    each = bench.settings.seeds + len(arms.RATES) * len(arms.CHOICE_SEEDS)
    tries = sum(len(_tried_weights(one)) for one in bench.alternatives)
    counts = {arms.TEACHER: 1} | dict.fromkeys(controls, each)
    counts[arms.DISTILLED] = each * len(bench.alternatives) + tries * len(
        arms.CHOICE_SEEDS
    )
    return counts


def _tried_weights(settings):
    """The weights that a method tries beside its own."""
    own = settings.loss_weight
    return () if own is None else tuple(factor * own for factor in FACTORS)


def _of_method(job, settings, name=None):
    """The job of one of the methods."""
    bench = job.bench.with_settings(settings)
    bench = dataclasses.replace(bench, arm_name=name or settings.method)
    return dataclasses.replace(job, bench=bench)


def _chosen(job, settings):
    """The job of a method at the best of its weights, and its rate."""
    one = _of_method(job, settings)
    rate = one.choose_rate(arms.DISTILLED)

    def accuracy(job):
        return np.mean(
            [
                job.student(arms.DISTILLED, rate, seed, is_choice=True)
                for seed in arms.CHOICE_SEEDS
            ]
        )

    # Its own weight has had this rate already, and wins where all are alike.
    best, best_accuracy = settings, None
    for weight in _tried_weights(settings):
        if best_accuracy is None:
            best_accuracy = _kept(one, rate)
        other = dataclasses.replace(settings, loss_weight=weight)
        name = f"{settings.method}, weight {weight:g}"
        found = accuracy(_of_method(job, other, name))
        if found > best_accuracy:
            best, best_accuracy = other, found
    return _of_method(job, best), rate


def _kept(job, rate):
    """Validation accuracy of a method at its chosen rate."""
    return np.mean(
        [
            job.state.load(arms.student_name(job.bench.arm_name, seed, rate))[
                0
            ]["history"]["val_accuracy"][-1]
            for seed in arms.CHOICE_SEEDS
        ]
    )


def _students(job):
    """Trains all students.

    Returns:
        For each arm by name, its `Job`, what it is there, and its rate.
    """
    found = {
        arm: (job, arm, job.choose_rate(arm))
        for arm in (arms.ALONE, arms.SMOOTHING)
    }
    for settings in job.bench.alternatives:
        one, rate = _chosen(job, settings)
        found[settings.method] = one, arms.DISTILLED, rate
    for seed in range(job.bench.settings.seeds):
        for one, arm, rate in found.values():
            one.student(arm, rate, seed)
    return found


def _measure(job, trained):
    """Reads the test part, and ranks the arms."""
    labels = job.bench.data.test_labels
    right, steps, finals = {}, {}, {}
    for name in trained:
        runs = {}
        for seed in range(job.bench.settings.seeds):
            part = arms.student_name(name, seed)
            runs[seed] = job.state.load(part)
            if name not in (arms.ALONE, arms.SMOOTHING):
                history = runs[seed][0]["history"]
                finals[part, name, seed] = history["val_accuracy"][-1]
        right[name] = np.stack(
            [
                arrays["logits"].argmax(axis=-1) == labels
                for _, arrays in runs.values()
            ]
        )
        seconds = [record["step_seconds"] for record, _ in runs.values()]
        known = [one for one in seconds if one is not None]
        # What slows the machine down for a while seldom meets all seeds.
        steps[name] = min(known, default=None)
    return Standing(
        report.rank_arms(right, arms.ALONE),
        {name: of.mean(axis=1).tolist() for name, of in right.items()},
        {name: rate for name, (_, _, rate) in trained.items()},
        {
            name: one.bench.settings.loss_weight
            if arm == arms.DISTILLED
            else None
            for name, (one, arm, _) in trained.items()
        },
        steps,
        {
            name: _size(one.bench, arm)
            for name, (one, arm, _) in trained.items()
        },
        max(finals, key=finals.get),
    )


def _size(bench, arm):
    """Number of parameters of a student of an arm."""
    student = bench.student
    if arm == arms.DISTILLED:
        student = bench.distilled(student)
    return student.count_params()
