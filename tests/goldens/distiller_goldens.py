"""Makes the goldens of a Distiller and of peers."""

import keras

import keras_kd
from keras_kd import losses
from keras_kd import metrics
from keras_kd import models
from tests import support
from tests.goldens import loss_goldens
from tests.goldens import model_goldens
from tests.goldens import sequence_goldens
from tests.goldens.loss_goldens import compiled


def convnet(widths, name):
    return models.small_convnet((8, 8, 1), 3, widths, name=name)


def fresh(teacher):
    """A Distiller of the main losses, with all metrics, not yet trained."""
    distiller = keras_kd.Distiller(
        teacher=teacher,
        student=convnet((2, 3), "student"),
        distillation_losses=[
            losses.SoftTargets(3.0, loss_weight=0.7),
            losses.Hint(
                teacher_tap="stage1", student_tap="stage1", loss_weight=0.2
            ),
            losses.AttentionTransfer(
                teacher_tap="stage2", student_tap="stage2", loss_weight=5.0
            ),
        ],
        student_loss_weight=0.3,
    )
    return compiled(
        distiller,
        keras.optimizers.Adam(0.01),
        metrics=[
            "accuracy",
            metrics.TeacherAgreement(k=2),
            metrics.TeacherDivergence(2.0),
            metrics.ExpectedCalibrationError(5, from_logits=True),
        ],
    )


def taught(make_teacher):
    """A Distiller that learns from a teacher of vectors."""
    return compiled(
        support.distiller(
            teacher=make_teacher(),
            student=support.dense(4, name="student"),
            student_loss_weight=0.5,
        )
    )


def mutual(**options):
    return compiled(
        keras_kd.MutualDistiller(
            peers=[support.dense(4), support.dense(5)],
            distillation_losses=[
                losses.SoftTargets(1.0),
                losses.Hint(
                    teacher_tap="hidden", student_tap="hidden", loss_weight=0.1
                ),
            ],
            **options,
        ),
        keras.optimizers.Adam(0.01),
        metrics=["accuracy", metrics.TeacherAgreement()],
    )


# Name: how it is made, and the data that it learns from.
DISTILLERS = (
    {
        "distiller": (lambda: fresh(convnet((4, 5), "teacher")), "images"),
        "mutual_in_turn": (mutual, "vectors"),
        "mutual_together": (
            lambda: mutual(exchange="together", student_loss_weight=0.5),
            "vectors",
        ),
        "mutual_exchange_every_2": (
            lambda: mutual(exchange_every=2),
            "vectors",
        ),
    }
    | loss_goldens.DISTILLERS
    | sequence_goldens.DISTILLERS
    | {
        f"taught_by_{name}": (
            lambda make=make: taught(make),
            "vectors",
        )
        for name, make in model_goldens.TEACHERS.items()
    }
)
