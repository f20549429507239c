"""Wrong uses that Python or Keras answers: it names what is wrong."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import keras_kd
from keras_kd import callbacks
from keras_kd import datasets
from keras_kd import losses
from keras_kd import metrics
from keras_kd import models
from keras_kd import procedures
from keras_kd import report
from keras_kd import search
from keras_kd import teachers
from keras_kd import transfer_sets
from tests import support
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher


class Left(NamedTuple):
    """A wrong use that is left to others.

    Attributes:
        wrong: What is wrong.
        call: Misuses; takes nothing.
        says: What the error says.
    """

    wrong: str
    call: Callable
    says: str


def _fitted(x, y, **kwargs):
    def run():
        distiller = support.distiller()
        distiller.compile("adam", support.cross_entropy())
        with support.eagerly():
            distiller.fit(x, y, verbose=0, **kwargs)

    return run


X, Y = support.data(4)
TO_PYTHON = (
    Left("no student", lambda: keras_kd.Distiller(teacher=1), "'student'"),
    Left(
        "a Distiller's arguments by position",
        lambda: keras_kd.Distiller(teacher(), student()),
        "positional argument",
    ),
    Left("no peers", keras_kd.MutualDistiller, "'peers'"),
    Left("no loss to match", losses.Match, "'loss'"),
    Left(
        "a projector by position",
        lambda: losses.Hint("infer"),
        "positional argument",
    ),
    Left("no noise", lambda: teachers.NoisyTeacher(teacher()), "noise_stddev"),
    Left("no models", teachers.EnsembleTeacher, "'models'"),
    Left(
        "a keyword that is misspelt",
        lambda: teachers.FunctionTeacher(np.sin, num_clases=3),
        "'num_clases'",
    ),
    Left("no schedule", lambda: callbacks.Anneal("a.b"), "'schedule'"),
    Left("no classes", lambda: models.lenet5((12, 12, 1)), "'num_classes'"),
    Left("no depth", lambda: models.highway((4,), 3, hidden=2), "'depth'"),
    Left("no student of a procedure", procedures.fitnets, "'student'"),
    Left(
        "a keyword of another procedure",
        lambda: procedures.compress(hint_epochs=3),
        "'hint_epochs'",
    ),
    Left("no treated scores", lambda: report.compare([0.1]), "'treated'"),
    Left("no upper end", lambda: search.Range(1.0), "'high'"),
    Left("no factor", transfer_sets.transforms.Scale, "'factor'"),
    Left("no name of data", datasets.load, "'name_or_folder'"),
    Left(
        "a name that is misspelt",
        lambda: losses.SoftTarget(),
        "SoftTarget",
    ),
    Left(
        "a frozen result that is assigned to",
        functools.partial(
            setattr, report.paired_interval([0.1, 0.2]), "mean", 0.0
        ),
        "cannot assign to field 'mean'",
    ),
)
TO_KERAS = (
    Left(
        "a keyword of a layer that is misspelt",
        lambda: losses.SoftTargets(temprature=2.0),
        "temprature",
    ),
    Left("a dtype", lambda: losses.SoftTargets(dtype="x"), "'x'"),
    Left("a name", lambda: metrics.TeacherAgreement(name=3), "'int'"),
    Left(
        "an activation",
        lambda: models.highway((4,), 3, hidden=2, depth=1, activation="rely"),
        "activation function identifier: rely",
    ),
    Left(
        "an initializer",
        lambda: models.maxout_convnet(
            (8, 8, 1), 3, [models.MaxoutBlock(2)], kernel_initializer="hee"
        ),
        "initializer identifier: hee",
    ),
    Left(
        "a file of no model",
        lambda: callbacks.StudentCheckpoint("student.txt"),
        "filepath=student.txt",
    ),
    Left("an optimizer", lambda: support.distiller().compile("adm"), "adm"),
    Left(
        "no compile",
        lambda: support.distiller().fit(X, verbose=0),
        "You must call `compile()`",
    ),
    Left("fewer labels", _fitted(X, Y[:2]), "'y' sizes: 2"),
    Left("lists", _fitted(X.tolist(), Y), "Unrecognized data type"),
    Left("one-hot labels", _fitted(X, np.eye(3)[Y]), "target.shape=(4, 3)"),
)
