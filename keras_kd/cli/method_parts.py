"""What the methods of the command line are made of.

Nothing heavy is imported before it is used: the table of methods refers to
these functions, and is printed without TensorFlow.
"""


def soft_targets(teacher, student, settings):
    """Compares the outputs, softened by a temperature."""
    from keras_kd import losses

    return [
        losses.SoftTargets(
            settings.temperature, loss_weight=settings.loss_weight
        )
    ]


def logit_regression(teacher, student, settings):
    """Compares the logits themselves."""
    from keras_kd import losses

    return [losses.LogitRegression(loss_weight=settings.loss_weight)]


def hints(teacher, student, settings):
    """Compares one layer half-way through."""
    from keras_kd import losses
    from keras_kd.cli import tap_choice

    teacher_tap, student_tap = tap_choice.hint_taps(teacher, student)
    return [
        losses.Hint(
            loss_weight=settings.loss_weight,
            teacher_tap=teacher_tap,
            student_tap=student_tap,
        )
    ]


def attention_transfer(teacher, student, settings):
    """Compares the ends of the stages."""
    from keras_kd import losses
    from keras_kd.cli import tap_choice

    return [
        losses.AttentionTransfer(
            loss_weight=settings.loss_weight,
            teacher_tap=teacher_tap,
            student_tap=student_tap,
        )
        for teacher_tap, student_tap in tap_choice.map_taps(teacher, student)
    ]


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
    """Disturbs what the teacher says, with the noise of a student's seed."""
    from keras_kd import teachers

    return teachers.NoisyTeacher(
        teacher, settings.noise_stddev, settings.noise_probability, seed=seed
    )
