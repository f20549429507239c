"""Wrong uses of both Distillers, when compiled and trained."""

import functools

import keras

from keras_kd import losses
from keras_kd import metrics
from tests import support
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import wrong
from tests.conformance.misuse_rows_distillers import DISTILLER
from tests.conformance.misuse_rows_distillers import MUTUAL
from tests.conformance.misuse_rows_distillers import distiller
from tests.conformance.misuse_rows_distillers import mutual


def _compiled(make):
    """A function of an argument of `compile`."""
    made = make()
    return lambda **kwargs: made.compile("adam", **kwargs)


def _of_compile():
    from_logits = support.cross_entropy()
    plain = keras.losses.SparseCategoricalCrossentropy()
    rows = []
    for of, make in ((DISTILLER, distiller), (MUTUAL, mutual)):
        call = _compiled(make)
        rows += wrong(of, call, "loss", "mze", 1, remedy=from_logits)
        rows += wrong(of, call, "loss", losses.Hint(), shown="of type Hint")
        names = "sparse_categorical_crossentropy", "crossentropy"
        rows += wrong(of, call, "loss", *names)
        rows += wrong(
            of,
            call,
            "loss",
            plain,
            shown="which takes probabilities",
            remedy=from_logits,
        )
        rows += wrong(of, call, "metrics", "accuracy", remedy=["accuracy"])
        rows += wrong(of, call, "metrics", ["acurracy"], shown="'acurracy'")
        rows += wrong(of, call, "metrics", [losses.Hint()], shown="type Hint")
        rows += wrong(of, call, "weighted_metrics", ["mze"], shown="'mze'")
    other = metrics.TeacherAgreement(output="z")
    call = _compiled(distiller)
    rows.append(
        Row(
            MUTUAL,
            "a weight of the loss for an output",
            lambda: mutual().compile("adam", loss_weights=[1.0]),
            "loss",
            "loss_weights=[1.0]",
        )
    )
    rows.append(
        Row(
            DISTILLER,
            "a metric of no output",
            lambda: call(metrics=[other]),
            "output",
            "output='z'",
        )
    )
    return rows


def _fitted(make, *data, **kwargs):
    """A function that trains on some data."""

    def run():
        made = make()
        made.compile("adam", support.cross_entropy(), **kwargs)
        with support.eagerly():
            return made.fit(*data, verbose=0)

    return run


def _of_data():
    x, y = support.data(4)
    frozen = support.dense(4, name="frozen")
    frozen.trainable = False
    free = support.dense(4, name="free")
    shards = functools.partial(mutual, shards=True)
    return [
        Row(
            DISTILLER,
            "no labels for a loss",
            _fitted(distiller, x),
            "compile",
            "y=None",
            _fitted(functools.partial(distiller, student=free), x, y),
        ),
        Row(
            DISTILLER,
            "other features",
            _fitted(distiller, x[:, :3], y),
            "x",
            "one array (4, 3) for teacher",
        ),
        Row(
            DISTILLER,
            "a student that is frozen",
            _fitted(functools.partial(distiller, student=frozen), x, y),
            "student",
            "trainable_weights=[]",
        ),
        Row(
            DISTILLER,
            "a mask that is no entry",
            _fitted(functools.partial(distiller, mask_input="mask"), x, y),
            "mask_input",
            "'mask', and `x` is one array",
        ),
        Row(
            MUTUAL,
            "shards without ids",
            _fitted(shards, x, y),
            "shards",
            "example_ids=None",
        ),
    ]


def rows():
    """All of them."""
    return [*_of_compile(), *_of_data()]
