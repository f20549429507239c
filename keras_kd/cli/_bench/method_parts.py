"""Parts of the methods of the command line.

Nothing heavy is imported before it is used: the table of methods refers to
these functions, and is printed without TensorFlow.
"""

from keras_kd.cli._shell.errors import UnusableError


def of_class(name, **arguments):
    """Makes a function that makes one loss on the outputs.

    Args:
        name: Name of its class in `losses`, which takes a temperature.
        **arguments: Passed to the class.
    """

    def make(teacher, student, settings):
        return [_made(name, settings, **arguments)]

    return make


def _made(name, settings, **arguments):
    from keras_kd import losses

    return getattr(losses, name)(
        settings.temperature, loss_weight=settings.loss_weight, **arguments
    )


soft_targets = of_class("SoftTargets")


def interpolated(bench, student, seed):
    """Makes a Distiller whose targets are the teacher's at the last step."""
    from keras_kd.distiller import Distiller

    images = len(bench.tuning.train_labels)
    steps = bench.settings.epochs * -(-images // bench.settings.batch_size)
    return Distiller(
        teacher=bench.taught_by(seed),
        student=student,
        distillation_losses=_made(
            "InterpolatedSoftTargets", bench.settings, steps=steps
        ),
        student_loss_weight=bench.settings.student_loss_weight,
    )


def logit_regression(teacher, student, settings):
    """Compares the logits themselves."""
    from keras_kd import losses

    return [losses.LogitRegression(loss_weight=settings.loss_weight)]


def probability_regression(teacher, student, settings):
    """Compares the probabilities themselves."""
    from keras_kd import losses

    return [losses.ProbabilityRegression(loss_weight=settings.loss_weight)]


def hints(teacher, student, settings):
    """Compares one layer half-way through."""
    return _features("hint", teacher, student, settings.loss_weight)


def attention_transfer(teacher, student, settings):
    """Compares the ends of the stages."""
    return _features("attention", teacher, student, settings.loss_weight)


def _features(kind, teacher, student, weight):
    """Losses on the layers that `search.tap_pairs` proposes.

    Args:
        kind: A value of the knob `features` of a search.
        teacher: A built model.
        student: A built model.
        weight: Factor on each.

    Returns:
        A list.

    Raises:
        UnusableError: If the models have no layers to compare.
    """
    from keras_kd.search import ranges

    values = {
        "features": kind,
        "hint.depth": "middle",
        "hint.loss_weight": weight,
        "attention_transfer.loss_weight": weight,
    }
    return ranges.feature_losses(values, pairs_of(kind, teacher, student))


def pairs_of(kind, teacher, student):
    """The pairs of layers that losses of a kind can compare.

    Args:
        kind: `"hint"` for any layers, `"attention"` for maps.
        teacher: A built model.
        student: A built model.

    Returns:
        A list of `search.TapPair`, from the input to the output.

    Raises:
        UnusableError: If there are none.
    """
    from keras_kd.search import ranges
    from keras_kd.search.tap_pairs import hidden_vectors
    from keras_kd.search.tap_pairs import stages
    from keras_kd.search.tap_pairs import tap_pairs

    pairs = ranges.usable_pairs(kind, tap_pairs(teacher, student))
    if not pairs:
        find, what = {
            "hint": (hidden_vectors, "hidden layer"),
            "attention": (stages, "feature maps"),
        }[kind]
        without = next(m for m in (teacher, student) if not find(m))
        raise UnusableError(
            "`--method` must be one that compares outputs, since the model "
            f'"{without.name}" has no {what}. Received: a method that looks '
            "at such. Try --method=soft_targets."
        )
    return pairs


def hints_and_soft_targets(teacher, student, settings):
    """Compares the outputs and one layer."""
    return [
        *soft_targets(teacher, student, settings),
        *hints(teacher, student, settings),
    ]


def attention_and_soft_targets(teacher, student, settings):
    """Compares the outputs and the ends of the stages."""
    return [
        *soft_targets(teacher, student, settings),
        *attention_transfer(teacher, student, settings),
    ]


def noisy(teacher, settings, seed):
    """Adds noise to the teacher's outputs, by a student's seed."""
    from keras_kd import teachers

    return teachers.NoisyTeacher(
        teacher, settings.noise_stddev, settings.noise_probability, seed=seed
    )


def input_gradients(teacher, student, settings):
    """Compares the gradients of the loss with respect to the image."""
    from keras_kd import losses

    return [losses.InputGradientTransfer(loss_weight=settings.loss_weight)]


def shallow_student(image_shape, num_classes):
    """One wide hidden layer, behind a linear bottleneck."""
    from keras_kd import models

    return models.shallow_mimic(
        image_shape, num_classes, hidden=400, bottleneck=32, name="student"
    )


def last_features(teacher, student, settings):
    """Compares the last features, behind which both have their classifiers."""
    from keras_kd import losses
    from keras_kd.search.tap_pairs import stages

    pair = pairs_of("hint", teacher, student)[-1]
    maps = stages(teacher) if pair.has_positions else []
    return [
        losses.Hint(
            teacher_tap=maps[-1][0] if maps else pair.teacher_tap,
            student_tap=pair.student_tap,
            loss_weight=settings.loss_weight,
        )
    ]


def with_classifier(bench, student):
    """Puts a projector and the teacher's classifier on a student's features."""
    from keras_kd.procedures._reuse_classifier.reused import reused

    (hint,) = bench.losses(student)
    return reused(bench.teacher, student, hint.teacher_tap, hint.student_tap)


def classifier_trainer(bench, student, seed):
    """Makes the Distiller of what `with_classifier` returned."""
    from keras_kd.distiller import Distiller
    from keras_kd.procedures._reuse_classifier.reused import distance

    (hint,) = bench.losses(bench.student)
    return Distiller(
        teacher=bench.taught_by(seed),
        student=student,
        distillation_losses=distance(
            hint.teacher_tap, bench.settings.loss_weight
        ),
        student_loss_weight=bench.settings.student_loss_weight,
    )


def staged_hint(teacher, student, settings):
    """The hint of the first of two stages; it has the paper's own weight."""
    return _features("hint", teacher, student, 1.0)


def staged_trainer(bench, student, seed):
    """Makes the Distiller of the first of two stages, from a hint."""
    from keras_kd.distiller import Distiller
    from keras_kd.procedures._fitnets.guided_part import guided_part

    (hint,) = bench.losses(student)
    guided_part(student, hint.student_tap)
    return Distiller(
        teacher=bench.taught_by(seed), student=student, distillation_losses=hint
    )


def train_in_stages(bench, student, lesson, seed):
    """Hints for a third of the epochs, then distillation."""
    from keras_kd import procedures

    (hint,) = bench.losses(student)
    hint_epochs = max(1, lesson.epochs // 3)
    epochs = lesson.epochs - hint_epochs
    result = procedures.fitnets(
        teacher=bench.taught_by(seed),
        student=student,
        data=(lesson.x, lesson.y),
        hint_tap=hint.teacher_tap,
        guided_tap=hint.student_tap,
        hint_epochs=hint_epochs,
        epochs=epochs,
        batch_size=lesson.batch_size,
        validation_data=lesson.validation_data,
        optimizer=lesson.optimizer(epochs),
        loss=lesson.loss,
        temperature=bench.settings.temperature,
        callbacks=lesson.callbacks,
        verbose=0,
    )
    return one_after_the_other(result.histories.values())


def one_after_the_other(histories):
    """Joins the logs of stages; keys that a stage lacks become nan."""
    histories = list(histories)
    joined = {key: [] for history in histories for key in history}
    for history in histories:
        num_epochs = max(map(len, history.values()))
        for key, values in joined.items():
            values += history.get(key, [float("nan")] * num_epochs)
    return joined


def peers(bench, student, seed):
    """The student and a second one, which teach each other."""
    import keras_kd
    from keras_kd import teachers
    from keras_kd._core import model_weights

    other = teachers.logits(model_weights.fresh_copy(bench.student))
    return keras_kd.MutualDistiller(
        peers=[student, other],
        distillation_losses=bench.losses(student),
        student_loss_weight=bench.settings.student_loss_weight,
    )


def train_peers(bench, student, lesson, seed):
    """Trains both, and keeps the logs of the student."""
    history = lesson.fit(bench.trainer(student, seed))
    return {
        key.replace("peer_0_", ""): values
        for key, values in history.items()
        if "peer_0_" in key
    }
