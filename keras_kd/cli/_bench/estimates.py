"""Estimates of how long a job will take."""

import time

from keras_kd.cli._bench import arms
from keras_kd.report.tables import duration

# A step back costs about twice a step forth.
TRAINING = 3
# What compiling a model takes, however few the images.
START_SECONDS = 2.0
TIMED_CALLS = 3
LONG_SECONDS = 600


def expected_seconds(bench):
    """Seconds that each kind of model will take, by the name of its arm.

    Args:
        bench: A `Bench`, whose models need not be trained.
    """
    tuning, settings = bench.tuning, bench.settings
    batch = tuning.train_images[: settings.batch_size]
    teacher, student = (
        forward_seconds(model, batch)
        for model in (bench.teacher, bench.student)
    )
    steps = len(tuning.train_labels) / settings.batch_size
    validation = len(tuning.test_labels) / settings.batch_size

    def whole(trained, asked=0.0):
        epoch = TRAINING * trained * steps + trained * validation
        epoch += asked * (steps + validation)
        return START_SECONDS + settings.epochs * epoch

    asked = 0.0 if settings.cache else teacher
    return {
        arms.TEACHER: 0.0 if bench.is_teacher_trained else whole(teacher),
        arms.ALONE: whole(student),
        arms.SMOOTHING: whole(student),
        arms.DISTILLED: whole(student, asked),
    }


def forward_seconds(model, batch):
    """Seconds that a model takes for a batch, at best."""
    model.predict_on_batch(batch)
    found = []
    for _ in range(TIMED_CALLS):
        started = time.perf_counter()
        model.predict_on_batch(batch)
        found.append(time.perf_counter() - started)
    return min(found)


def sentence(total, count, epochs):
    """Formats an estimate for the user.

    Args:
        total: Seconds of the whole job.
        count: Number of models.
        epochs: Number of epochs of each.
    """
    text = f"{count} models are trained, in roughly {duration(total)}."
    if total > LONG_SECONDS:
        text += (
            f" Shorter: --epochs={max(1, epochs // 10)} --seeds=2. What is "
            "finished is kept if you stop it."
        )
    return text
