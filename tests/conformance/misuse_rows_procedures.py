"""Wrong uses of procedures and of what they are given."""

import dataclasses
import functools
import math

import keras
import numpy as np
import tensorflow as tf

from keras_kd import losses
from keras_kd import procedures
from tests import support
from tests.conformance import count_calls as calls
from tests.conformance import procedure_runs as runs
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import parts
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong

X, Y = support.data()


@functools.cache
def _arguments():
    """Arguments of each procedure that would work.

    Their models are shared by all rows, since nothing is trained.
    """
    both = {"teacher": teacher(), "student": student()}
    batches = {"updates": 2, "epochs": 1, "batch_size": 4, "verbose": 0}
    epochs = {"epochs": 1, "verbose": 0}
    nets = [runs.dropout_net(), runs.dropout_net()]
    return {
        "born_again": {
            "teacher": teacher(),
            "build_network": runs.dropout_net,
            "generations": 1,
            "data": (X, Y),
        }
        | epochs,
        "co_training": {
            "learners": nets,
            "views": (X, X[:, ::-1]),
            "labels": np.where(np.arange(24) < 9, Y, -1),
            "per_class": [1, 1, 1],
            "iterations": 1,
            "pool_size": 9,
        }
        | epochs,
        "compress": both | {"x": X, "num_synthetic": [0, 9]} | batches,
        "data_distillation": both
        | {"labelled": (X[:9], Y[:9]), "unlabelled": X[9:]}
        | batches,
        "data_free": both
        | {"records": calls.records(), "images_per_class": 1, "steps": 1}
        | epochs,
        "defensive_distillation": {
            "build_network": runs.dropout_net,
            "data": (X, Y),
        }
        | epochs,
        "fitnets": both
        | {"data": (X, Y), "hint_tap": "hidden", "guided_tap": "hidden"}
        | {"hint_epochs": 1}
        | epochs,
        "reuse_classifier": both
        | {"data": (X, Y), "teacher_tap": "hidden", "student_tap": "hidden"}
        | epochs,
        "specialists": {
            "generalist": teacher(),
            "num_specialists": 2,
            "classes_per_specialist": 2,
            "data": (X, Y),
            "batch_size": 8,
        }
        | epochs,
        "supervision_transfer": both
        | {
            "pairs": {"teacher": X, "student": X},
            "teacher_tap": "hidden",
            "student_tap": "hidden",
        }
        | epochs,
        "teacher_assistants": both
        | {"assistants": [nets[0]], "data": (X, Y)}
        | {"distillation_losses": losses.SoftTargets()}
        | epochs,
    }


def called(name):
    """The name in a row, and a function of the arguments of a procedure."""

    def call(**kwargs):
        return getattr(procedures, name)(**_arguments()[name] | kwargs)

    return f"procedures.{name}", call


ALL = (
    "born_again",
    "co_training",
    "compress",
    "data_distillation",
    "data_free",
    "defensive_distillation",
    "fitnets",
    "reuse_classifier",
    "specialists",
    "supervision_transfer",
    "teacher_assistants",
)
WITHOUT_TEACHER = ("co_training", "defensive_distillation")
WITHOUT_STUDENT = ("born_again", "specialists")
# Which train on arrays of the user's, and validate on them.
VALIDATED = (
    "born_again",
    "data_distillation",
    "data_free",
    "defensive_distillation",
    "fitnets",
    "reuse_classifier",
    "teacher_assistants",
)


def of_fits(of, call):
    """Rows of what every procedure takes."""
    given = None, keras.callbacks.EarlyStopping(), "stop"
    rows = wrong(of, call, "optimizer", "adamm", None, 0.1)
    rows += wrong(of, call, "callbacks", *given)
    return rows + wrong(of, call, "callbacks", [print], shown="print")


def _of_all():
    rows = []
    for name in ALL:
        of, call = called(name)
        rows += of_fits(of, call)
        if name not in WITHOUT_TEACHER:
            argument = "generalist" if name == "specialists" else "teacher"
            rows += wrong(of, call, argument, None, "a.keras")
            rows += wrong(of, call, argument, unbuilt(), shown="built=False")
            if name not in WITHOUT_STUDENT:
                rows += wrong(of, call, "student", None, "a.keras")
        if name in VALIDATED:
            argument = "validation_data"
            rows += wrong(of, call, argument, X, shown="ndarray")
            rows += wrong(of, call, argument, "x", 3, shown="of type ")
            short = (X, Y[:3])
            rows += wrong(of, call, argument, short, shown="(24, 4), (3,)")
            lists = ([[1.0]], [1])
            rows += wrong(of, call, argument, lists, shown="list, list")
    return rows


def _without_remedy(rows):
    """The same rows, of whose remedy a training would be a part."""
    return [dataclasses.replace(row, remedy=None) for row in rows]


def _of_stages():
    of, call = called("fitnets")
    rows = wrong(of, call, "data", X, shown="ndarray")
    rows += wrong(of, call, "data", "x", 3, shown="of type ")
    rows += wrong(of, call, "data", (X, Y[:3]), shown="(24, 4), (3,)")
    rows += wrong(of, call, "hint_tap", None, 0, ["hidden"], "hiden")
    rows += wrong(of, call, "guided_tap", None, 0, ["hidden"], "hiden")
    rows += wrong(of, call, "loss", "mze", 1, shown="in loss")
    given = "0", None, -1, math.nan
    rows += wrong(of, call, "last_weight", *given)
    rows += wrong(of, call, "first_weight", *given)
    rows += wrong(of, call, "temperature", *given)
    rows += wrong(of, call, "loss", losses.Hint(), shown="of type Hint")
    rows += wrong(of, call, "regressor", "dense", 3, [runs.dropout_net])
    rows += wrong(of, call, "student", soft(), shown='"soft"')
    of, call = called("defensive_distillation")
    network = functools.partial(wrong, of, call, "build_network")
    rows += network(None, student(), "net")
    rows += wrong(of, call, "data", X, shown="ndarray")
    unlabelled = tf.data.Dataset.from_tensor_slices(X).batch(8)
    rows += wrong(of, call, "data", unlabelled, shown="a data set of Tensor")
    rows.append(
        Row(
            of,
            "one network twice",
            functools.partial(call, build_network=student),
            "build_network",
            "which share weights",
        )
    )
    of, call = called("reuse_classifier")
    rows += wrong(of, call, "data", X, shown="ndarray")
    rows += wrong(of, call, "teacher_tap", None, 0, ["hidden"], "hiden")
    rows += wrong(of, call, "student_tap", 0, ["hidden"], "hiden")
    rows += wrong(of, call, "projector", "dense", 3, None)
    narrow = keras.layers.Dense(3)
    rows += wrong(of, call, "projector", narrow, shown="gives (None, 3)")
    of, call = called("supervision_transfer")
    rows += wrong(of, call, "teacher_tap", None, ["hidden"], "hiden")
    rows += wrong(of, call, "student_tap", 0, ["hidden"], "hiden")
    rows += wrong(of, call, "fine_tuning_optimizer", "adamm", 0.1)
    rows += wrong(of, call, "pairs", X, shown="ndarray")
    rows += wrong(of, call, "pairs", {"teacher": X}, shown="['teacher']")
    rows += wrong(of, call, "projector", "dense", 3)
    return rows


def _of_labels():
    """Numbers of no class would count as nothing."""
    rows = []
    for name, *arguments in (
        ("born_again", "data", "validation_data"),
        ("fitnets", "data", "validation_data"),
        ("defensive_distillation", "data", "validation_data"),
        ("data_distillation", "labelled", "validation_data"),
        ("data_free", "validation_data"),
        ("reuse_classifier", "data", "validation_data"),
        ("teacher_assistants", "data", "validation_data"),
    ):
        of, call = called(name)
        for argument in arguments:
            x, y = (X[:9], Y[:9]) if argument == "labelled" else (X, Y)
            for what, labels in (
                ("of no class", y + 1),
                ("of halves", y + 0.5),
                ("of two axes", np.stack([y, y], axis=1)),
            ):
                rows.append(
                    Row(
                        of,
                        f"labels {what} in {argument}",
                        functools.partial(call, **{argument: (x, labels)}),
                        argument,
                        "labels ",
                    )
                )
    of, call = called("data_distillation")
    five = support.dense(4, name="five", classes=5)
    rows += wrong(of, call, "teacher", five, shown="5 classes, and a student")
    call = functools.partial(
        procedures.Specialists,
        generalist=teacher(),
        specialists=(student(),),
        class_sets=((0, 2),),
        dustbin_shifts=(0.0,),
        histories={},
    )
    of = "procedures.Specialists"
    sets = (), ((0,),), ((0, 9),)
    rows += wrong(of, call, "class_sets", *sets, remedy=((1, 2),), shown="")
    rows += wrong(of, call, "dustbin_shifts", (), shown="0, for 1")
    rows += wrong(of, call, "generalist", None, soft(), shown="generalist=")
    return rows


def _of_answers():
    of, call = called("compress")
    rows = wrong(of, call, "x", None, 3, X[:, 0], shown="shape (")
    rows += wrong(of, call, "generator", "munge", 3, [np.sin])
    rows += wrong(of, call, "encode", "scale", 3)
    rows += wrong(of, call, "loss", "mse", keras.losses.Huber, 3)
    rows += wrong(of, call, "num_synthetic", -1, "9", None, [], 2.5, [1, 1])
    rows += wrong(of, call, "validation_data", 3, "x", X[:1], shown="valid")
    of, call = called("data_distillation")
    rows += _without_remedy(parts(of, call, "labelled_share", 0, 1))
    rows += wrong(of, call, "transforms", None, 3, "flip")
    rows += wrong(of, call, "transforms", [np.fliplr], [], shown="")
    task = procedures.ClassificationTask
    rows += wrong(of, call, "task", "classes", 0, task)
    rows += wrong(of, call, "metrics", "accuracy", None, 3)
    rows += wrong(of, call, "loss", "mze", 1, shown="in loss")
    rows += wrong(of, call, "labelled", X, None, (X,), shown="")
    rows += wrong(of, call, "labelled", (X, Y[:3]), shown="3 targets")
    of = "procedures.ClassificationTask"
    rows += parts(of, task, "fraction", 0, remedy=1.0)
    of, make = "procedures.ObjectPeaksTask", procedures.ObjectPeaksTask
    rows += wrong(of, make, "radius", 0, "1", None, math.nan, remedy=2)
    of, call = called("data_free")
    rows += wrong(of, call, "records", None, "a.npz", {}, shown="of type ")
    rows += wrong(of, call, "temperature", 0, "8", None)
    rows += wrong(of, call, "image_learning_rate", 0, "1", None)
    rows += wrong(of, call, "pixel_mean", "0", None)
    rows += _without_remedy(parts(of, call, "dropout", 1))
    rows += _without_remedy(flags(of, call, "rectified"))
    return rows


def rows():
    """All of them."""
    return [*_of_all(), *_of_stages(), *_of_labels(), *_of_answers()]
