"""Wrong uses of losses, projectors, metrics, callbacks, taps and batches."""

import functools
import math

import keras
import numpy as np
import tensorflow as tf

from keras_kd import batch
from keras_kd import callbacks
from keras_kd import distribution
from keras_kd import losses
from keras_kd import metrics
from keras_kd import projectors
from keras_kd import taps
from tests import support
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import folder
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import wrong


def compared(teacher_shape, student_shape, make=losses.SoftTargets, **kwargs):
    """Calls a loss on tensors of these shapes."""
    return lambda: make(**kwargs)(
        np.ones(teacher_shape, "float32"), np.ones(student_shape, "float32")
    )


def _made(name):
    """A loss or metric by its name, as a function of its arguments."""
    return getattr(losses if hasattr(losses, name) else metrics, name)


def _of_losses():
    soft = losses.SoftTargets
    rows = []
    for name in ("SoftTargets", "BinarySoftTargets"):
        values = ("2", None, 0, -1.0, math.nan, math.inf, [2.0], True)
        rows += wrong(
            f"losses.{name}", _made(name), "temperature", *values, remedy=2.0
        )
    for name in ("Hint", "ProbabilityRegression", "InputGradientTransfer"):
        of = f"losses.{name}"
        rows += wrong(of, _made(name), "loss_weight", -1, "1", None, remedy=1.0)
        taps_of = [teacher().layers[0], 1, ["hidden"]]
        rows += wrong(of, _made(name), "teacher_tap", *taps_of, remedy="hidden")
        rows += wrong(of, _made(name), "student_tap", *taps_of)
    attention = losses.AttentionTransfer
    of = "losses.AttentionTransfer"
    rows += wrong(of, attention, "power", 0.5, "2", None, True, remedy=2)
    rows += flags(of, attention, "maximum", "squared")
    rows += flags("losses.LogitRegression", losses.LogitRegression, "center")
    symmetry = losses.InputGradientSymmetry
    of = "losses.InputGradientSymmetry"
    rows += wrong(of, symmetry, "axis", "x", None, 1.5, remedy=-1)
    rows += wrong("losses.Hint", losses.Hint, "projector", "dense", 3)
    rows += wrong("losses.SoftTargets", soft, "name", "a b", 3, remedy="a_b")
    match = functools.partial(losses.Match, projector=None)
    of = "losses.Match"
    rows += wrong(of, match, "loss", "hubber", None, remedy="huber")
    rows += wrong(of, match, "loss", keras.losses.Huber, shown="Huber")
    return rows


def _of_shapes():
    of = "losses.SoftTargets"
    match = losses.Match
    return [
        Row(
            of,
            "another number of classes",
            compared((2, 3), (2, 4)),
            "SoftTargets",
            "(2, 3), student logits of shape (2, 4)",
            compared((2, 3), (2, 4), losses.Hint),
        ),
        Row(
            of,
            "no axis of classes",
            compared((3,), (3,)),
            "SoftTargets",
            "logits of shape (3,)",
            compared((1, 3), (1, 3)),
        ),
        Row(
            of,
            "one class",
            compared((2, 1), (2, 1)),
            "SoftTargets",
            "(2, 1)",
            compared((2, 1), (2, 1), losses.BinarySoftTargets),
        ),
        Row(
            "losses.LogitRegression",
            "positions that differ",
            compared((2, 5, 3), (2, 4, 3), losses.LogitRegression),
            "LogitRegression",
            "(2, 5, 3)",
        ),
        Row(
            "losses.Match",
            "a loss that returns nothing",
            compared((2, 3), (2, 3), match, loss=lambda a, b: None),
            "loss",
            "which returned None",
        ),
        Row(
            "losses.Match",
            "a loss of the whole batch",
            compared(
                (2, 3), (2, 3), match, loss=lambda a, b: keras.ops.mean(a - b)
            ),
            "loss",
            "which makes shape ()",
            compared(
                (2, 3),
                (2, 3),
                match,
                loss=lambda a, b: keras.ops.mean(a - b, axis=-1),
            ),
        ),
    ]


def _of_projectors():
    infer = functools.partial(
        projectors.infer, student_shape=(None, 4), teacher_shape=(None, 3)
    )
    image = (None, 4, 4, 1)
    valid = functools.partial(
        projectors.valid_convolution,
        student_shape=image,
        teacher_shape=(None, 3, 3, 1),
    )
    rows = []
    for of, call in (("infer", infer), ("valid_convolution", valid)):
        for argument in ("student_shape", "teacher_shape"):
            rows += wrong(
                f"projectors.{of}", call, argument, None, 4, "4", teacher()
            )
    of = "projectors.infer"
    rows += wrong(of, infer, "student_shape", (None, 4.0), shown="4.0")
    rows += wrong(of, infer, "student_shape", (None, 5, 4), remedy=(None, 8))
    rows += wrong(of, infer, "teacher_shape", (None, None), shown="(None, None")
    of = "projectors.valid_convolution"
    rows += wrong(of, valid, "student_shape", (None, 2, 2, 1), remedy=image)
    return rows


def _of_metrics():
    of = "metrics.ExpectedCalibrationError"
    error = metrics.ExpectedCalibrationError

    def calibration(labels, scores):
        return lambda: error().update_state(labels, scores)

    rows = flags(of, error, "from_logits")
    rows.append(
        Row(
            of,
            "more labels than scores",
            calibration([0, 1, 2], [[0.5, 0.5], [1.0, 0.0]]),
            "labels",
            "(3,), scores of shape (2, 2)",
            calibration([0, 1], [[0.5, 0.5], [1.0, 0.0]]),
        )
    )
    for name in ("TeacherAgreement", "TeacherDivergence"):
        of, make = f"metrics.{name}", _made(name)
        rows += wrong(of, make, "multi_label", "yes", 1, remedy=True)
        rows += wrong(of, make, "output", 0, ["a"], remedy="a")
        rows.append(
            Row(
                of,
                "another number of classes",
                lambda make=make: make().update_state(
                    np.zeros((2, 3)), np.zeros((2, 4))
                ),
                name,
                "(2, 3)",
            )
        )
    divergence = metrics.TeacherDivergence
    of = "metrics.TeacherDivergence"
    rows += wrong(of, divergence, "temperature", 0, "1", math.nan, remedy=1.0)
    agreement = metrics.TeacherAgreement(5)
    rows.append(
        Row(
            "metrics.TeacherAgreement",
            "more choices than classes",
            lambda: agreement.update_state(np.eye(3), np.eye(3)),
            "k",
            "k=5 for 3 classes",
        )
    )
    return rows


def _of_callbacks():
    anneal = functools.partial(
        callbacks.Anneal, target="a.b", schedule=lambda step: 1.0
    )
    checkpoint = functools.partial(
        callbacks.StudentCheckpoint, "student.keras", save_best_only=True
    )
    of = "callbacks.Anneal"
    rows = wrong(of, anneal, "target", None, 3, student(), remedy="a.b")
    rows += wrong(of, anneal, "schedule", None, 1.0, "cosine", dict)
    rows += wrong(of, anneal, "per", "batch", None, 1, remedy="epoch")
    of, make = "callbacks.Diagnostics", callbacks.Diagnostics
    rows += wrong(of, make, "ratio", 1, "2", None, math.nan, remedy=2.0)
    rows += wrong(of, make, "say", None, "print", remedy=len)
    of = "callbacks.StudentCheckpoint"
    make = callbacks.StudentCheckpoint
    rows += wrong(of, make, "filepath", None, 3, ["a"], remedy="a.keras")
    rows += wrong(of, checkpoint, "monitor", None, 1, ["loss"], remedy="loss")
    rows += wrong(of, checkpoint, "save_freq", 5, shown="5", remedy="epoch")
    for callback in (anneal(), checkpoint()):
        name = type(callback).__name__
        rows.append(
            Row(
                f"callbacks.{name}",
                "another model than a Distiller",
                functools.partial(callback.set_model, student()),
                name,
                'Sequential "small"',
                functools.partial(
                    (
                        checkpoint() if name != "Anneal" else _annealed()
                    ).set_model,
                    support.distiller(),
                ),
            )
        )
    rows += [
        Row(
            "callbacks.Anneal",
            f"target={target!r}",
            functools.partial(
                callbacks.Anneal(target, lambda step: 1.0).set_model,
                support.distiller(),
            ),
            "target",
            f"target={target!r}",
        )
        for target in ("hint.temperature", "soft_targets.temprature", "", "x")
    ]
    backup = callbacks.BackupWorkers(folder())
    backup.set_model(support.dense(2, name="fresh"))
    rows.append(
        Row(
            "callbacks.BackupWorkers",
            "a model that is not compiled",
            backup.on_train_begin,
            "BackupWorkers",
            '"fresh"',
        )
    )
    return rows


def _annealed():
    return callbacks.Anneal("soft_targets.temperature", lambda step: 2.0)


def _of_places():
    names = functools.partial(taps.names, model=teacher())
    find = functools.partial(taps.find, model=teacher(), path="hidden")
    models = ("teacher.keras", None, [teacher()])
    examples = tf.data.Dataset.from_tensor_slices(np.zeros((4, 2)))
    ids = functools.partial(batch.attach_example_ids, dataset=examples)
    of = "batch.attach_example_ids"
    rows = wrong("taps.names", names, "model", *models, remedy=teacher())
    rows += wrong("taps.find", find, "model", *models)
    rows += wrong("taps.find", find, "path", 0, None, remedy="head")
    rows += wrong(of, ids, "dataset", np.zeros((4, 2)), shown="ndarray")
    rows += wrong(of, ids, "dataset", [1, 2], shown="list")
    strategy = distribution.strategy
    rows += wrong("distribution.strategy", strategy, "name", "gpu", None, 2)
    return rows


def rows():
    """All of them."""
    return [
        *_of_losses(),
        *_of_shapes(),
        *_of_projectors(),
        *_of_metrics(),
        *_of_callbacks(),
        *_of_places(),
    ]
