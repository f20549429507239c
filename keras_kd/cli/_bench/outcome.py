"""The figures of a finished job."""

import dataclasses
import math
import os
import statistics

import keras
import numpy as np

from keras_kd import metrics
from keras_kd import report
from keras_kd._core import costs
from keras_kd._core.latency import Latency
from keras_kd.cli._bench import arms


@dataclasses.dataclass(frozen=True)
class Figures:
    """Results of one way of training, a value per seed.

    Attributes:
        accuracies: On the test part.
        agreements: How often it chooses as the teacher does.
        calibration_errors: Expected calibration errors.
        parameters: Number of parameters.
        size: Bytes of the saved model.
        latency: A `Latency`.
        reliability: Bins over the images of all seeds.
        histories: Logs of each seed, by key.
    """

    accuracies: list[float]
    agreements: list[float]
    calibration_errors: list[float]
    parameters: int
    size: int
    latency: Latency
    reliability: report.Reliability
    histories: list[dict[str, list[float]]]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Results of a job.

    Attributes:
        figures: `Figures` of the teacher and of each arm, by name.
        rates: The learning rate that each arm chose.
        tried: For each arm, the validation accuracy of each rate; none if its
            rate was given.
        gain: Interval of the accuracy of the distilled student minus that of
            the student alone, over seeds and test images.
        smoothing_gain: The same for label smoothing.
        gain_over_smoothing: Distilled minus label smoothing.
        best_seed: Of the distilled students, the best on the validation part.
        description: What was trained on what.
        teacher_accuracy: Of the teacher on the validation part.
        warning: What is wrong with the teacher, or `None`.
    """

    figures: dict[str, Figures]
    rates: dict[str, float]
    tried: dict[str, dict[float, float]]
    gain: report.Interval
    smoothing_gain: report.Interval
    gain_over_smoothing: report.Interval
    best_seed: int
    description: str
    teacher_accuracy: float
    warning: str | None

    def verdicts(self):
        """Verdicts on the gain by distillation, as sentences."""
        sentences = [
            report.verdict(self.gain),
            report.verdict(self.gain_over_smoothing, baseline=arms.SMOOTHING),
        ]
        if self.gain.count < 2:
            sentences.append("Run with --seeds=5.")
        return sentences


def describe(bench):
    """Describes the models and the data of a job, as text."""
    settings, data, tuning = bench.settings, bench.data, bench.tuning
    images = f"{len(tuning.train_labels):,}"
    origin = (
        f"The teacher comes from {os.path.basename(settings.teacher)}; what "
        "it was trained on is not known here."
        if settings.teacher
        else f"The cached teacher learned from the labels of all {images} "
        "training images."
        if bench.is_teacher_trained
        else f"The teacher learns from the labels of all {images} training "
        "images."
    )
    cached = (
        "\nThe distilled students learn from a cache of the teacher's answers, "
        f"in {settings.cache}."
        if settings.cache
        else ""
    )
    note = "" if bench.alternatives else bench.method.note
    seen = (
        "all of them"
        if bench.seen == len(tuning.train_labels)
        else f"{bench.seen:,} of them, other ones for each seed"
    )
    return (
        f"{data.name}: {images} training, {len(tuning.test_labels):,} "
        f"validation and {len(data.test_labels):,} test images of "
        f"{data.num_classes} classes.\n{origin}\n"
        f"Each student sees {seen}."
        f"{cached}" + (f"\n{note}" if note else "")
    )


def teacher_warning(bench, accuracy):
    """Warns of a teacher at chance; otherwise `None`."""
    chance = bench.chance
    examples = len(bench.tuning.test_labels)
    # Two standard errors of what guessing would reach on so few images.
    luck = 2 * math.sqrt(chance * (1 - chance) / examples)
    if accuracy > chance + luck:
        return None
    remedy = "check that it was trained on images in [0, 1] with these labels."
    if not bench.is_teacher_trained:
        count, settings = len(bench.tuning.train_labels), bench.settings
        updates = settings.epochs * -(-count // settings.batch_size)
        remedy = (
            f"it had {updates:,} update{'' if updates == 1 else 's'} with "
            f"{count:,} images: raise --epochs, or give it more images."
        )
    return (
        "Warning: the teacher is no better than chance. Its accuracy on the "
        f"validation part is {100 * accuracy:.1f} %; always naming the most "
        f"frequent class gives {100 * chance:.1f} %. Expect no gain from it; "
        f"{remedy}"
    )


def measure(bench, state, rates):
    """Reads the test part and computes all figures.

    Args:
        bench: The `Bench`.
        state: The `State`, in which all students are finished.
        rates: The learning rate of each arm.

    Returns:
        An `Outcome`.
    """
    record, arrays = state.load(arms.TEACHER)
    teacher_logits = arrays["logits"]
    path = bench.settings.teacher or state.model_path(arms.TEACHER)
    distilled = bench.distilled(bench.student)
    teacher_time, *times = costs.in_turn(
        [bench.teacher, *dict.fromkeys((bench.student, distilled))],
        bench.data.test_images,
    )
    figures = {
        arms.TEACHER: _figures(
            bench,
            teacher_logits,
            [({}, teacher_logits)],
            _cost(bench.teacher, os.path.getsize(path), teacher_time),
        )
    }
    seeds = range(bench.settings.seeds)
    student_path = state.model_path(arms.student_name(arms.DISTILLED, 0))
    # Of one architecture, what differs is the noise of the clock.
    cost = _cost(distilled, os.path.getsize(student_path), times[-1])
    of_arms = dict.fromkeys(arms.ARMS, cost)
    if distilled is not bench.student:
        for arm in (arms.ALONE, arms.SMOOTHING):
            of_arms[arm] = _cost(
                bench.student, costs.saved_bytes(bench.student), times[0]
            )
    right = {}
    for arm in arms.ARMS:
        runs = [state.load(arms.student_name(arm, seed)) for seed in seeds]
        figures[arm] = _figures(
            bench,
            teacher_logits,
            [(run["history"], found["logits"]) for run, found in runs],
            of_arms[arm],
        )
        right[arm] = np.stack(
            [_is_right(bench, found["logits"]) for _, found in runs]
        )
    finals = [
        history["val_accuracy"][-1]
        for history in figures[arms.DISTILLED].histories
    ]
    return Outcome(
        figures,
        rates,
        {arm: _tried(state, arm, bench.settings) for arm in arms.ARMS},
        *_intervals(right),
        best_seed=int(np.argmax(finals)),
        description=describe(bench),
        teacher_accuracy=record["accuracy"],
        warning=teacher_warning(bench, record["accuracy"]),
    )


def _is_right(bench, logits):
    """Whether each answer is right, `(examples,)`."""
    return logits.argmax(axis=-1) == bench.data.test_labels


def _intervals(right):
    """Compares each arm with each, as `Outcome` lists them.

    Args:
        right: Whether each answer is right, `(seeds, examples)`, by arm.
    """
    alone, smoothing, distilled = arms.ARMS
    pairs = (alone, distilled), (alone, smoothing), (smoothing, distilled)
    return report.compare_arms(right, pairs)


def _tried(state, arm, settings):
    """Validation accuracy of each learning rate."""
    return {
        rate: statistics.fmean(
            state.load(arms.student_name(arm, seed, rate))[0]["history"][
                "val_accuracy"
            ][-1]
            for seed in arms.CHOICE_SEEDS
        )
        for rate in arms.tried_rates(arm, settings)
    }


def _cost(model, size, seconds):
    return {
        "parameters": model.count_params(),
        "size": size,
        "latency": seconds,
    }


def _figures(bench, teacher_logits, runs, cost):
    labels = bench.data.test_labels
    logits = [found for _, found in runs]
    probabilities = np.concatenate([softmax(found) for found in logits])
    return Figures(
        accuracies=[float(np.mean(_is_right(bench, x))) for x in logits],
        agreements=[
            _value(metrics.TeacherAgreement(), teacher_logits, found)
            for found in logits
        ],
        calibration_errors=[
            _value(
                metrics.ExpectedCalibrationError(from_logits=True),
                labels,
                found,
            )
            for found in logits
        ],
        reliability=report.reliability(
            np.tile(labels, len(logits)), probabilities
        ),
        histories=[history for history, _ in runs],
        **cost,
    )


def _value(metric, *arguments):
    metric.update_state(*arguments)
    return float(metric.result())


def softmax(logits):
    """Probabilities of logits, `(examples, classes)`."""
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))
