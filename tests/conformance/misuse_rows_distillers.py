"""Wrong uses of both Distillers, when made, compiled and trained."""

import functools
import math

import keras
import numpy as np

import keras_kd
from keras_kd import losses
from keras_kd import metrics
from keras_kd import teachers
from tests import support
from tests.conformance.misuse_rows import Row
from tests.conformance.misuse_rows import flags
from tests.conformance.misuse_rows import soft
from tests.conformance.misuse_rows import student
from tests.conformance.misuse_rows import teacher
from tests.conformance.misuse_rows import unbuilt
from tests.conformance.misuse_rows import wrong

DISTILLER = "Distiller"
MUTUAL = "MutualDistiller"


def _distiller(**kwargs):
    return keras_kd.Distiller(
        **{
            "teacher": teacher(),
            "student": student(),
            "distillation_losses": losses.SoftTargets(2.0),
        }
        | kwargs
    )


@functools.cache
def _peers():
    return [support.dense(4, name="one"), support.dense(5, name="two")]


def _mutual(**kwargs):
    return keras_kd.MutualDistiller(
        **{"peers": _peers(), "distillation_losses": losses.SoftTargets()}
        | kwargs
    )


def _of_models():
    function = teachers.FunctionTeacher(
        np.sin, num_classes=3, from_logits=True, identity="sine"
    )
    five = support.dense(4, name="five", classes=5)
    broken = support.dense(4, name="broken")
    broken.set_weights([w * math.nan for w in broken.get_weights()])
    twin = keras.models.clone_model(teacher())
    rows = []
    for argument in ("teacher", "student"):
        given = "model.keras", None, keras.Sequential, [teacher()]
        rows += wrong(DISTILLER, _distiller, argument, *given)
        rows += wrong(
            DISTILLER, _distiller, argument, unbuilt(), shown="built=False"
        )
    rows += wrong(DISTILLER, _distiller, "teacher", function)
    rows += wrong(
        DISTILLER, _distiller, "teacher", broken, shown="nan or infinity"
    )
    same = functools.partial(_distiller, teacher=teacher())
    rows += wrong(
        DISTILLER, same, "student", teacher(), shown="for both", remedy=twin
    )
    rows += [
        Row(
            DISTILLER,
            "a teacher that gives probabilities",
            functools.partial(_distiller, teacher=soft()),
            "SoftTargets",
            'the teacher "soft", which gives probabilities',
            lambda: _distiller(teacher=teachers.logits(soft())),
        ),
        Row(
            DISTILLER,
            "a student that gives probabilities",
            functools.partial(_distiller, student=soft()),
            "SoftTargets",
            'the student "soft", which gives probabilities',
        ),
        Row(
            DISTILLER,
            "a teacher of other classes",
            functools.partial(_distiller, teacher=five),
            "SoftTargets",
            "(None, 5), student logits of shape (None, 3)",
            lambda: _distiller(teacher=five, distillation_losses=losses.Hint()),
        ),
    ]
    return rows


def _of_losses():
    hint = losses.Hint
    same = losses.SoftTargets()
    argument = "distillation_losses"
    call = functools.partial(wrong, DISTILLER, _distiller, argument)
    rows = call(None, [], remedy=losses.SoftTargets())
    rows += call("soft_targets", losses.SoftTargets, 1.0, [None])
    rows += wrong(
        DISTILLER,
        _distiller,
        argument,
        keras.losses.Huber(),
        shown="of type Huber",
        remedy=losses.Match(keras.losses.Huber()),
    )
    rows += call([same, same], shown="SoftTargets name=")
    both = [losses.SoftTargets(name="a"), losses.SoftTargets(name="a")]
    rows.append(_with(both, "two of one name", "name", "name='a'"))
    loss = losses.SoftTargets(name="student_loss")
    rows.append(_with(loss, "a taken name", "name", "name='student_loss'"))
    for side in ("teacher_tap", "student_tap"):
        near = {"teacher_tap": "hidden", "student_tap": "hidden"}
        rows.append(
            _with(
                hint(**near | {side: "hiden"}),
                f"{side} of no layer",
                side,
                f"{side}='hiden'. The nearest are: hidden",
                hint(**near),
            )
        )
    hidden = {"teacher_tap": "hidden", "student_tap": "hidden"}
    rows += [
        _with(
            hint(projector=None, **hidden),
            "shapes that differ",
            "Hint",
            '(None, 8) from teacher layer "hidden" with (None, 4)',
            hint(projector="infer", **hidden),
        ),
        _with(
            losses.AttentionTransfer(**hidden),
            "attention of vectors",
            "AttentionTransfer",
            '(None, 8) from teacher layer "hidden"',
        ),
    ]
    return rows


def _with(loss, what, argument, received, cure=None):
    """A row of a Distiller with a loss."""
    return Row(
        DISTILLER,
        what,
        functools.partial(_distiller, distillation_losses=loss),
        argument,
        received,
        cure and functools.partial(_distiller, distillation_losses=cure),
    )


def _of_other_arguments():
    rows = []
    for of, call in ((DISTILLER, _distiller), (MUTUAL, _mutual)):
        weights = -1, "1", None, math.nan, [1.0]
        rows += wrong(of, call, "student_loss_weight", *weights, remedy=0.0)
        rows += wrong(of, call, "mask_input", 0, ["mask"], remedy=None)
        rows += wrong(of, call, "name", "a b", None, 3, remedy="a_b")
    for argument in ("teacher_inputs", "student_inputs"):
        entries = 0, [], [1], {"a": "b"}
        rows += wrong(DISTILLER, _distiller, argument, *entries, remedy=None)
        rows += wrong(DISTILLER, _distiller, argument, ["a", "b"])
    rows += flags(MUTUAL, _mutual, "shards")
    rows += wrong(MUTUAL, _mutual, "exchange", "turns", None, remedy="together")
    rows += wrong(MUTUAL, _mutual, "target", "all", None, remedy="community")
    return rows


def _of_peers():
    one, two = _peers()
    five = support.dense(4, name="five", classes=5)
    wide = support.dense(4, name="wide", features=7)
    noisy = teachers.NoisyTeacher(support.dense(4, name="calm"), 0.1)
    ensemble = teachers.EnsembleTeacher([one, two], name="all")
    call = functools.partial(wrong, MUTUAL, _mutual)
    rows = call("peers", None, one, [one], "ab", remedy=[two, one])
    rows += call("peers", [one, one], shown='"one"')
    rows += call("peers", [one, five], shown="(None, 5)")
    rows += call("peers", [one, wide], shown='"wide"')
    rows += call("peers", [one, "two.keras"], shown="two.keras")
    rows += call("peers", [one, noisy], shown="noisy_calm")
    rows += call("peers", [one, ensemble], shown='"all"')
    rows += call("peers", [one, soft()], shown='"soft"')
    gradient = losses.InputGradientTransfer()
    rows += call("distillation_losses", gradient, shown="InputGradientTransfer")
    return rows


def _compiled(make):
    """A function of an argument of `compile`."""
    return lambda **kwargs: make().compile("adam", **kwargs)


def _of_compile():
    from_logits = support.cross_entropy()
    plain = keras.losses.SparseCategoricalCrossentropy()
    rows = []
    for of, make in ((DISTILLER, _distiller), (MUTUAL, _mutual)):
        call = _compiled(make)
        rows += wrong(of, call, "loss", "mze", 1, {}.keys, remedy=from_logits)
        rows = rows[:-1]
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
    call = _compiled(_distiller)
    rows.append(
        Row(
            DISTILLER,
            "a metric of no output",
            lambda: call(metrics=[other]),
            "output",
            "output='z'",
        )
    )
    rows += wrong(
        MUTUAL, _compiled(_mutual), "loss_weights", [1.0], remedy=None
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
    shards = functools.partial(_mutual, shards=True)
    return [
        Row(
            DISTILLER,
            "no labels for a loss",
            _fitted(_distiller, x),
            "compile",
            "y=None",
            _fitted(functools.partial(_distiller, student=free), x, y),
        ),
        Row(
            DISTILLER,
            "a student that is frozen",
            _fitted(functools.partial(_distiller, student=frozen), x, y),
            "student",
            "trainable_weights=[]",
        ),
        Row(
            DISTILLER,
            "a mask that is no entry",
            _fitted(functools.partial(_distiller, mask_input="mask"), x, y),
            "mask_input",
            "mask_input='mask'",
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
    return [
        *_of_models(),
        *_of_losses(),
        *_of_other_arguments(),
        *_of_peers(),
        *_of_compile(),
        *_of_data(),
    ]
